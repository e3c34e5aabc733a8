'use strict';
// The page, from its head to its end.

function addHead() {
  const names = results.map((result) => result.name).join(', ');
  document.title = `${names} – nestbed report`;
  const head = d3.select('#head');
  head.append('p').attr('class', 'kicker').text('nestbed report');
  head.append('h1').text(names);
  const studyNames = [...new Set(studies.map((study) => study.name))];
  const what = studyNames.length === 0 ? 'no measurements' : studyNames.slice(0, 6).join(', ');
  const hosts = [...new Set(results.map(({report}) =>
    [report.host?.cpu, report.host?.paging, report.host?.kernel].filter((one) => one).join(' · ')))];
  head.append('p').attr('class', 'what').text([what, ...hosts].filter((one) => one).join(' — '));
  head.append('nav').attr('aria-label', 'Contents').append('ul').attr('id', 'contents');
}

function addStudy(study) {
  const twice = studies.filter((one) => one.name === study.name).length > 1;
  const section = addSection(twice ? `${study.name} (${study.unit || 'no unit'})` : study.name)
    .attr('class', 'study');
  addWalks(section, study);
  addCrossovers(section, study);
  addDistributions(section, study);
  addHeatMap(section, study);
  addMeasurements(section, study);
  addDerived(section, study);
  addCounts(section, study);
  addOutcomes(section, study);
}

addHead();
addNotes();
comparisons.forEach(addDifferences);
// Each test of a suite is a study of its own: of many of them the first ones, and the others folded.
studies.forEach(addStudy);
addHosts();
addTests();
