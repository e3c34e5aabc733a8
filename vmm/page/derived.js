'use strict';
// What a study has derived of its measurements: columns of its own, and fits.

/** Objects within objects become columns "model guest misses". */
function flattened(object, prefix = '') {
  return Object.entries(object ?? {}).flatMap(([name, value]) =>
    (value !== null && typeof value === 'object' && !Array.isArray(value)
      ? flattened(value, `${prefix}${name} `)
      : [[`${prefix}${name}`, value]]));
}

function cellOf(value) {
  return value === null || value === undefined ? missing : valueText(value);
}

/** Any list of objects, a column for each of their keys. */
function addObjects(parent, caption, objects) {
  const rows = objects.map((object) => new Map(flattened(object)));
  const names = [...new Set(rows.flatMap((row) => [...row.keys()]))];
  const table = addTable(parent, caption);
  addHeadRow(table, names.map((name) => name.replace(/^inputs /, '').replace(/_/g, ' ')))
    .classed('number', (title, n) => rows.some((row) => typeof row.get(names[n]) === 'number'));
  const body = table.append('tbody');
  addCapped(parent, rows, 60, 'rows', (row) => {
    body.append('tr').selectAll('td').data(names).join('td')
      .attr('class', (name) => (typeof row.get(name) === 'number' ? 'number' : null))
      .text((name) => cellOf(row.get(name)));
  });
}

/** By what its series differs from the others, and what is derived of it; a companion has rows, too. */
function derivedRow(row, series, axes) {
  const known = series.flatMap((one) => [one, ...one.companions]).find((one) => one.id === row.id);
  if (known === undefined) return {...row.inputs, ...row.derived};
  return {
    ...Object.fromEntries(axes.map((axis) => [axis.key, axis.textOf(known)])),
    ...(axes.some((axis) => axis.key === 'measurement') ? {} : {measurement: known.is ?? known.name}),
    ...row.derived,
  };
}

/** What was found besides the samples: proofs, stale reads, stolen ones. */
function outcomeRows(series, axes) {
  return series.flatMap((one) => one.repetitions
    .filter(({outcome}) => Object.keys(outcome ?? {}).length !== 0)
    .map(({outcome, repetition}) => ({
      measurement: labelOf(one, axes),
      ...(severalResults ? {result: one.result.name} : {}),
      ...(one.repetitions.length > 1 ? {repetition} : {}),
      ...outcome,
    })));
}

function addOutcomes(section, study) {
  const rows = outcomeRows(study.series, axesOf(study.series));
  if (rows.length === 0) return;
  addFold(section, 'Outcomes: proofs, and what disturbed', (body) =>
    addObjects(body, 'What was found besides the samples', rows));
}

function fitsOf(report) {
  return [['Fits', report.fits], ['Crossovers', report.crossovers]]
    .filter(([, list]) => Array.isArray(list) && list.length !== 0);
}

/** A result of nestbed measure has one study, which these belong to. */
function addDerived(section, study) {
  for (const result of results) {
    const {report} = result;
    const rows = (report.rows ?? []).filter((row) => Object.keys(row.derived ?? {}).length !== 0);
    const series = study.series.filter((one) => one.result === result);
    const suffix = severalResults ? `: ${result.name}` : '';
    if (series.length === 0 || (report.measurements ?? []).every((one) => (one.study ?? null) === null)) continue;
    if (rows.length !== 0) {
      addFold(section, `Derived${suffix}`, (body) =>
        addObjects(body, 'Derived of the measurements',
          rows.map((row) => derivedRow(row, series, axesOf(study.series)))));
    }
    for (const [title, list] of fitsOf(report)) {
      addFold(section, `${title}${suffix}`, (body) => addObjects(body, title, list)).attr('open', '');
    }
  }
}
