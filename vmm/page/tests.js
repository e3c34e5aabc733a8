'use strict';
// The tests of the runs: what failed and what was skipped, with the reasons, and all of them.

function testName(test) {
  return `${test.suite}.${test.name}`;
}

function testsOf(verdict) {
  return results.flatMap((result) => (result.report.tests ?? [])
    .filter((test) => test.verdict === verdict)
    .map((test) => ({result, test})));
}

/** Tests that have verdict, reason and name in common are one line. */
function addReasons(section, verdict, title) {
  const found = testsOf(verdict);
  if (found.length === 0) return;
  const groups = d3.nest().key(({result, test}) =>
    JSON.stringify([severalResults ? result.name : '', testName(test), test.reason])).entries(found);
  section.append('h3').text(title);
  const list = section.append('ul').attr('class', `plain reasons ${verdict}`);
  addCapped(section, groups, 30, 'reasons', ({values}) => {
    const {result, test} = values[0];
    const item = list.append('li');
    item.append('b').text(testName(test));
    const times = values.length === 1 ? '' : ` (${counted(values.length, 'time')})`;
    item.append('span').text(`${times}${severalResults ? `, ${result.name}` : ''}: ${
      test.reason || 'no reason given'}`);
    addEvidence(item, test);
  });
}

/** Those that passed when they were run again: each failure before that. */
function addFlaky(section) {
  const found = testsOf('passed').filter(({test}) => test.flaky);
  if (found.length === 0) return;
  section.append('h3').text('Flaky: failed, and passed when run again');
  const list = section.append('ul').attr('class', 'plain reasons flaky');
  addCapped(section, found, 30, 'flaky tests', ({result, test}) => {
    const item = list.append('li');
    item.append('b').text(testName(test));
    item.append('span').text(`${severalResults ? `, ${result.name}` : ''}: ${
      (test.failed_attempts ?? []).map(({reason}) => valueText(reason)).join('; ')}`);
    for (const attempt of test.failed_attempts ?? []) addEvidence(item, attempt);
  });
}

function addEvidence(item, test) {
  const lines = [
    ...(test.error ? [valueText(test.error)] : []),
    ...(test.failures ?? []).map((failure) => valueText(failure)),
    ...(test.log ?? []),
    ...(test.diagnosis ? test.diagnosis.split('\n') : []),
  ];
  if (lines.length === 0) return;
  const fold = item.append('details');
  fold.append('summary').text('evidence');
  fold.append('pre').text(lines.join('\n'));
}

function addAllTests(section) {
  const all = results.flatMap((result) => (result.report.tests ?? []).map((test) => ({result, test})));
  addFold(section, `All ${counted(all.length, 'test')}`, (body) => {
    const table = addTable(body, 'Tests');
    addHeadRow(table, [...(severalResults ? ['result'] : []), 'test', 'verdict', 'inputs', 'vCPUs',
      'took']);
    const rows = table.append('tbody');
    addCapped(body, all, 60, 'tests', ({result, test}) => {
      const row = rows.append('tr').attr('class', test.verdict);
      if (severalResults) row.append('td').text(result.name);
      row.append('th').attr('scope', 'row').text(testName(test));
      row.append('td').text(test.flaky ? `${test.verdict} (flaky)` : test.verdict);
      row.append('td').attr('class', 'inputs').text(Object.entries(test.inputs ?? {})
        .map(([name, value]) => `${name}=${value}`).join(' '));
      row.append('td').attr('class', 'number').text(valueText(test.cpus));
      row.append('td').attr('class', 'number').text(timeText((test.seconds ?? NaN) * 1e9));
    });
  });
}

function addTests() {
  if (results.every(({report}) => (report.tests ?? []).length === 0)) return;
  const section = addSection('Tests');
  addReasons(section, 'failed', 'Failed');
  addFlaky(section);
  addReasons(section, 'skipped', 'Skipped');
  addAllTests(section);
}
