(function () {
  'use strict';
  var range = document.getElementById('step');
  var state = document.getElementById('state');
  var marked = Array.from(document.querySelectorAll('[data-step]'));
  var lines = Array.from(document.querySelectorAll('ol.steps li'));
  function show(step) {
    range.value = String(step);
    marked.forEach(function (element) {
      var own = Number(element.dataset.step);
      element.classList.toggle('later', own > step);
      element.classList.toggle('now', own === step && own > 0);
    });
    var line = lines[step - 1];
    state.textContent = step === 0 ? 'before the first step' : 'step ' + step + ' of ' + lines.length + ': then there is ' + (line ? line.dataset.state : '?');
  }
  range.addEventListener('input', function () { show(Number(range.value)); });
  document.getElementById('previous').addEventListener('click', function () { show(Math.max(0, Number(range.value) - 1)); });
  document.getElementById('next').addEventListener('click', function () { show(Math.min(lines.length, Number(range.value) + 1)); });
  marked.forEach(function (element) {
    element.addEventListener('click', function () { if (Number(element.dataset.step) > 0) { show(Number(element.dataset.step)); } });
  });
  show(lines.length);
}());
