'use strict';
// What to know before the numbers are believed.

const trustTexts = {
  good: 'Timings can be trusted.',
  rough: 'Timings are rough here; the remarks below the host say why.',
  none: 'Timings mean nothing here; the remarks below the host say why.',
};

function runNotes({name, report}) {
  const notes = [];
  const add = (text, isBad = true) => notes.push({
    text: severalResults ? `${name}: ${text}` : text, isBad,
  });
  const {passed = 0, failed = 0, skipped = 0} = report.summary ?? {};
  if (report.error) add(`The run ended with an error: ${report.error.text ?? valueText(report.error)}`);
  const ends = {
    interrupted: 'The run was interrupted: not all of it is here.',
    time_limit: 'The time limit ended the run: not all of it is here.',
    first_failure: 'The run ended with the first failure: not all of it is here.',
  };
  const end = report.cut_short ?? (report.interrupted ? 'interrupted' : null);
  if (end) add(ends[end] ?? `The run was cut short: ${end}.`);
  if (report.not_finished > 0) {
    add(`${counted(report.not_finished, 'test')} ${
      end === 'first_failure' ? 'not run' : 'did not finish'}.`);
  }
  const flaky = report.summary?.flaky ?? 0;
  if (flaky > 0) add(`${counted(flaky, 'test')} passed only when run again (below: Tests).`);
  for (const remark of report.remarks ?? []) add(`${valueText(remark)}.`, false);
  if (failed > 0) add(`${counted(failed, 'test')} failed (below: Tests).`);
  if ((report.measurements ?? []).length === 0) add('It has no measurements.', false);
  add(`${counted(passed + failed + skipped, 'test')}: ${numberText(passed)} passed, ${
    numberText(failed)} failed, ${numberText(skipped)} skipped.`, false);
  const trust = report.host?.timings?.trust;
  if (trust) add(trustTexts[trust] ?? `Trust of timings: ${trust}.`, false);
  return notes;
}

/** Warnings of measurements by their kind, with whose they are: [{kind, texts}]. */
function warningGroups() {
  const found = [];
  for (const study of studies) {
    for (const main of study.series) {
      for (const one of [main, ...main.companions]) {
        const whose = severalResults ? `${one.result.name}: ${one.id}` : one.id;
        for (const {kind, text} of seriesWarnings(one)) found.push({kind, text: `${whose}: ${text}`});
      }
    }
  }
  return d3.nest().key(({kind}) => kind).entries(found)
    .map(({key, values}) => ({kind: key, texts: values.map(({text}) => text)}));
}

/** Repetitions say the same now and then. */
function withTimes(texts) {
  return d3.nest().key((text) => text).entries(texts).map(({key, values}) =>
    (values.length === 1 ? key : `${key} (${counted(values.length, 'time')})`));
}

function addWarningGroups(section) {
  for (const {kind, texts} of warningGroups()) {
    const title = `⚠ ${kind.replace(/_/g, ' ')}: ${counted(texts.length, 'warning')}`;
    const fold = addFold(section, title, (body) => {
      const list = body.append('ul').attr('class', 'plain');
      addCapped(body, withTimes(texts), 20, 'warnings', (text) => list.append('li').text(text));
    }).attr('class', 'warning-group');
    if (texts.length <= 5) fold.attr('open', '');
  }
}

function addNotes() {
  const section = d3.select('#main').append('section').attr('class', 'notes')
    .attr('aria-label', 'Before the numbers');
  section.append('ul').attr('class', 'plain').selectAll('li').data(results.flatMap(runNotes))
    .join('li').classed('bad', ({isBad}) => isBad)
    .text(({text, isBad}) => (isBad ? `⚠ ${text}` : text));
  addWarningGroups(section);
}
