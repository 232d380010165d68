namespace Verify.Checks.Linearizability;

public enum RegisterCallKind { Read, Write, Cas, CasRefused }

/// <summary>A call on one register and its answer. Values are numbers given by the caller;
/// <see cref="RegisterModel.Absent"/> is "nothing there".</summary>
/// <param name="Value">Read: what was read. Write and Cas: what is written (a delete writes <see cref="RegisterModel.Absent"/>).</param>
/// <param name="Expected">Cas: what had to be there. CasRefused: what was certainly not there.</param>
public readonly record struct RegisterCall(RegisterCallKind Kind, int Value, int Expected = RegisterModel.Absent);

/// <summary>One key of the KV store: a register with read, write, delete and compare-and-set, with etcd's meaning of a refused
/// compare-and-set: an observation that the value was another one, not "nothing happened".</summary>
public sealed class RegisterModel : IModel<int, RegisterCall>
{
    public const int Absent = 0;

    public int Initial => Absent;

    public bool TryStep(int state, RegisterCall call, out int next)
    {
        next = call.Kind is RegisterCallKind.Write or RegisterCallKind.Cas ? call.Value : state;
        return call.Kind switch
        {
            RegisterCallKind.Read => state == call.Value,
            RegisterCallKind.Write => true,
            RegisterCallKind.Cas => state == call.Expected,
            RegisterCallKind.CasRefused => state != call.Expected,
            _ => throw new ArgumentOutOfRangeException(nameof(call), call.Kind, "not a call on a register"),
        };
    }

    /// <summary>What only looks may go. A write may go when nobody saw its value: no read, no compare-and-set that expected it,
    /// and no refused one at all, because that may have been refused for the sake of this very write.</summary>
    public bool[] MayBeLeftOut(IReadOnlyList<RegisterCall> calls, int from, int count)
    {
        var goes = new bool[count];
        var seen = new HashSet<int>();
        var isRefusalLeft = false;
        for (var i = 0; i < calls.Count; i++)
        {
            var isInside = i >= from && i < from + count;
            switch (calls[i].Kind)
            {
                case RegisterCallKind.Read or RegisterCallKind.CasRefused when isInside:
                    goes[i - from] = true;
                    break;
                case RegisterCallKind.Read:
                    seen.Add(calls[i].Value);
                    break;
                case RegisterCallKind.CasRefused:
                    isRefusalLeft = true;
                    break;
                case RegisterCallKind.Cas:
                    seen.Add(calls[i].Expected);
                    break;
                default:
                    break;
            }
        }

        for (var i = 0; i < count && !isRefusalLeft; i++)
        {
            goes[i] |= !seen.Contains(calls[from + i].Value);
        }

        return goes;
    }
}
