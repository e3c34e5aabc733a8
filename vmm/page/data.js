'use strict';
// What nestbed has put into this page: the results, and their measurements as series. A series is
// one measurement with all of its repetitions.

function embedded(kind) {
  return [...document.querySelectorAll(`script.${kind}`)].map((one) => JSON.parse(one.textContent));
}

const results = embedded('result').map((result, place) => ({...result, place}));
const comparisons = embedded('comparison');
const severalResults = results.length > 1;

function seriesOf(result) {
  const byId = new Map();
  for (const measurement of result.report.measurements ?? []) {
    if (!byId.has(measurement.id)) {
      byId.set(measurement.id, {
        result,
        id: measurement.id,
        study: measurement.study ?? measurement.test ?? 'measurements',
        name: measurement.name,
        is: measurement.is ?? null,
        of: measurement.of ?? null,
        inputs: measurement.inputs ?? {},
        unit: measurement.unit ?? '',
        tscKhz: measurement.tsc_khz ?? 0,
        repetitions: [],
        companions: [],
      });
    }
    byId.get(measurement.id).repetitions.push(measurement);
  }
  return byId;
}

/** What a series belongs to, the nearest first: a companion may have companions of its own. */
function belongingOf(series, byId) {
  const chain = [];
  for (let one = series; one.is !== null;) {
    one = byId.get(one.of);
    if (one === undefined || one === series || chain.includes(one)) break;
    chain.push(one);
  }
  return chain;
}

/** The series that belong to no other one; those that do are among its companions. */
function mainSeriesOf(result) {
  const byId = seriesOf(result);
  return [...byId.values()].filter((series) => {
    const chain = belongingOf(series, byId);
    series.depth = chain.length;
    chain.at(-1)?.companions.push(series);
    return chain.length === 0;
  });
}

/** Studies of all results; what is not measured in one unit cannot be in one plot. */
function studiesOf(all) {
  const studies = new Map();
  for (const series of all.flatMap(mainSeriesOf)) {
    const key = JSON.stringify([series.study, series.unit]);
    if (!studies.has(key)) studies.set(key, {name: series.study, unit: series.unit, series: []});
    studies.get(key).series.push(series);
  }
  return [...studies.values()];
}

const studies = studiesOf(results);

/** What speaks against believing a measurement, as {kind, text}. */
function warningsOf(measurement) {
  const found = (measurement.warnings ?? []).map(({kind, text}) => ({kind, text}));
  const {violations = 0, checks = 0} = measurement.outcome ?? {};
  if (violations > 0) {
    found.push({
      kind: 'violations',
      text: `${numberText(violations)} of ${numberText(checks)} checks found a violation`,
    });
  }
  if ((measurement.verdict ?? 'passed') !== 'passed') {
    found.push({kind: measurement.verdict, text: `its test ${measurement.test} ${measurement.verdict}`});
  }
  return found;
}

function seriesWarnings(series) {
  return series.repetitions.flatMap(warningsOf);
}
