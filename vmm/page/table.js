'use strict';
// Measurements as a table: each repetition a row, below it what belongs to it.

const measuredColumns = ['min', 'p25', 'p50', 'p75', 'p90', 'p99', 'p999', 'max'];

/** A number in its unit, and below it the time, if it is cycles. */
function addFigureCell(row, measurement, name) {
  const value = measurement[name] ?? null;
  const cell = row.append('td').attr('class', 'number');
  if (value === null) {
    cell.text(missing).attr('title', 'too few samples');
    return;
  }
  cell.append('span').text(numberText(value));
  if (measurement.unit === 'cycles' && measurement.tsc_khz > 0) {
    cell.append('span').attr('class', 'time').text(timeText(value * 1e6 / measurement.tsc_khz));
  }
}

/** The row's box plot, small, on the scale that all of the table have. */
function addSmallBox(row, series, measurement, x, measure) {
  const cell = row.append('td').attr('class', 'small-box');
  const alone = {...series, repetitions: [measurement], pool: undefined};
  if (whyNotDrawn(alone) !== '') return;
  const svg = cell.append('svg').attr('viewBox', '0 0 150 20').attr('width', 150)
    .attr('height', 20).attr('aria-hidden', true);
  const group = svg.append('g').attr('transform', 'translate(0,10)');
  colored(group, null, () => series.result.place);
  addBox(group, boxFigures(alone, measure), x, 9);
}

function addWarningRow(body, measurement, columns) {
  const warnings = warningsOf(measurement);
  if (warnings.length === 0) return;
  body.append('tr').attr('class', 'warning-row').append('td').attr('colspan', columns)
    .append('ul').selectAll('li').data(warnings).join('li').text(({text}) => `⚠ ${text}`);
}

function addMeasurementRow(body, series, measurement, view, depth) {
  const row = body.append('tr').classed('companion', depth > 0)
    .classed('warned', warningsOf(measurement).length !== 0);
  const label = depth > 0 ? (series.is ?? series.name) : labelOf(series, view.axes);
  const head = row.append('th').attr('scope', 'row').attr('title', series.id).text(label);
  if (depth > 0) head.style('padding-left', `${1.1 * depth}rem`);
  if (depth > 0 && series.is !== null && series.is !== series.name) {
    head.append('span').attr('class', 'aside').text(series.name);
  }
  if (severalResults) row.append('td').text(depth > 0 ? '' : series.result.name);
  if (view.repeated) row.append('td').attr('class', 'number').text(measurement.repetition ?? 1);
  addSmallBox(row, series, measurement, view.x, view.measure);
  row.append('td').attr('class', 'number').text(numberText(measurement.count));
  for (const name of measuredColumns) addFigureCell(row, measurement, name);
  addWarningRow(body, measurement, view.columns);
}

/** One repetition, and those of its companions that were measured with it. */
function addMeasurementGroup(body, {series, measurement}, view) {
  addMeasurementRow(body, series, measurement, view, 0);
  for (const companion of series.companions) {
    for (const part of companion.repetitions) {
      if (part.repetition === measurement.repetition) {
        addMeasurementRow(body, companion, part, view, companion.depth);
      }
    }
  }
}

/** All results' rows of one id beside each other. */
function rowsOf(study) {
  const ids = new Map();
  for (const one of study.series) if (!ids.has(one.id)) ids.set(one.id, ids.size);
  return [...study.series]
    .sort((one, other) => ids.get(one.id) - ids.get(other.id) || one.result.place - other.result.place)
    .flatMap((series) => series.repetitions.map((measurement) => ({series, measurement})));
}

function addMeasurements(section, study) {
  section.append('h3').text('Measurements');
  const rows = rowsOf(study);
  const all = study.series.flatMap((one) => [one, ...one.companions]);
  const measure = measureOf(all);
  const drawn = all.filter((one) => pooled(one).count > 0);
  const view = {
    axes: axesOf(study.series),
    repeated: all.some((one) => one.repetitions.length > 1),
    measure,
    x: logScale(valueRange(drawn, measure), [4, 146]),
  };
  const titles = [view.axes.map((axis) => axis.key).join(' · ') || 'measurement', ...(severalResults ? ['result'] : []),
    ...(view.repeated ? ['repetition'] : []), 'distribution', 'samples', ...measuredColumns];
  view.columns = titles.length;
  const unit = measure.name === 'time' ? 'cycles, and times below them' : study.unit;
  const table = addTable(section, `${study.name}, in ${unit || 'no unit'}`).attr('class', 'measurements');
  addHeadRow(table, titles).classed('number', (title, n) => n >= titles.length - 9);
  const body = table.append('tbody');
  addCapped(section, rows, 40, 'rows', (row) => addMeasurementGroup(body, row, view));
}
