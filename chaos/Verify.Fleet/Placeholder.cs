namespace Verify.Fleet;
