'use strict';
// How other results differ from the first: what nestbed compare says, with its intervals drawn.

const intervalWidth = 260;

/** Changes as ratios on a logarithmic scale, at most from a tenth to ten times as much. */
function intervalScale(rows) {
  const logs = rows.flatMap(({low, high, change}) => [low, high, change])
    .filter((change) => typeof change === 'number' && change > -1)
    .map((change) => Math.abs(Math.log(1 + change)));
  const most = Math.exp(Math.min(Math.max(d3.max(logs) ?? 0, Math.log(1.1)), Math.log(10)));
  return d3.scaleLog().domain([1 / most, most]).range([8, intervalWidth - 8]).clamp(true);
}

function intervalTicks(scale) {
  const [low, high] = scale.domain();
  const rounds = high > 4 ? [-0.8, -0.5, 0, 1, 4]
    : high > 1.6 ? [-0.5, -0.3, 0, 0.5, 1, 2] : high > 1.2 ? [-0.2, 0, 0.2, 0.5] : [-0.1, -0.05, 0, 0.05, 0.1];
  return rounds.filter((change) => 1 + change >= low && 1 + change <= high);
}

function tickChange(change) {
  return change === 0 ? '0' : `${change > 0 ? '+' : '−'}${Math.abs(Math.round(change * 100))}${thinSpace}%`;
}

function addIntervalHead(cell, scale) {
  cell.append('span').text('95 % interval of the change');
  const svg = cell.append('svg').attr('width', intervalWidth).attr('height', 16)
    .attr('aria-hidden', true).attr('class', 'axis');
  svg.selectAll('text').data(intervalTicks(scale)).join('text')
    .attr('x', (change) => scale(1 + change)).attr('y', 12).attr('text-anchor', 'middle')
    .text(tickChange);
}

/** Those that are no more than themselves have no color. */
const wordClasses = {faster: 'faster', slower: 'slower'};

function addInterval(cell, row, scale, least) {
  if (![row.low, row.high, row.change].every((one) => typeof one === 'number')) {
    cell.text('no ratio: the first is 0');
    return;
  }
  const x = (change) => scale(Math.max(1 + change, 1e-6));
  const svg = cell.append('svg').attr('width', intervalWidth).attr('height', 22).attr('role', 'img')
    .attr('class', `interval ${wordClasses[row.word] ?? 'neither'}`)
    .attr('aria-label', `${changeText(row.change)}, from ${changeText(row.low)} to ${changeText(row.high)}`);
  svg.append('rect').attr('class', 'no-matter').attr('x', x(-least)).attr('width', x(least) - x(-least))
    .attr('y', 0).attr('height', 22);
  svg.append('line').attr('class', 'none').attr('x1', x(0)).attr('x2', x(0)).attr('y1', 0).attr('y2', 22);
  svg.append('line').attr('class', 'range').attr('x1', x(row.low))
    .attr('x2', Math.max(x(row.high), x(row.low) + 1)).attr('y1', 11).attr('y2', 11);
  svg.append('circle').attr('cx', x(row.change)).attr('cy', 11).attr('r', 4);
}

function medianText(value, unit) {
  return unit === 'ns' ? timeText(value) : `${numberText(value)}${thinSpace}${unit}`;
}

/** A companion stands below what it belongs to, and is called by its name. */
function nameIn(row) {
  return row.is_companion ? row.id.slice(row.id.lastIndexOf('/', row.id.search(/\[|$/)) + 1) : row.id;
}

function addDifferenceRow(body, row, scale, least) {
  const tr = body.append('tr').classed('companion', row.is_companion);
  addBreakable(tr.append('th').attr('scope', 'row').attr('class', 'id').attr('title', row.id),
    nameIn(row));
  tr.append('td').attr('class', `word ${wordClasses[row.word] ?? ''}`).text(row.word);
  tr.append('td').attr('class', 'number').text(changeText(row.change));
  addInterval(tr.append('td').attr('class', 'interval-cell'), row, scale, least);
  tr.append('td').attr('class', 'number').text(medianText(row.base.median, row.unit));
  tr.append('td').attr('class', 'number').text(medianText(row.new.median, row.unit));
  tr.append('td').attr('class', 'number').text(typeof row.p === 'number' ? row.p.toFixed(3) : missing);
}

function addWordSummary(section, rows) {
  const words = d3.nest().key((row) => row.word).entries(rows.filter((row) => !row.is_companion));
  section.append('p').attr('class', 'summary').text(words.length === 0
    ? 'No measurement is in both of them.'
    : words.map(({key, values}) => `${numberText(values.length)} ${key}`).join(' · '));
}

function addTextList(parent, title, texts) {
  if (texts.length === 0) return;
  parent.append('h4').text(title);
  const list = parent.append('ul').attr('class', 'plain');
  addCapped(parent, texts, 20, 'lines', (text) => list.append('li').text(text));
}

function addDifferences(comparison) {
  const [base, next] = [results[0], results[comparison.next]];
  const section = addSection(`${next.name} beside ${base.name}`).attr('class', 'differences');
  const rows = comparison.measurements ?? [];
  addWordSummary(section, rows);
  if (rows.length !== 0) {
    const scale = intervalScale(rows);
    const table = addTable(section, `Medians of ${base.name} and ${next.name}`);
    addHeadRow(table, ['measurement', 'verdict', 'change', '', base.name, next.name, 'p'])
      .classed('number', (title, n) => [2, 4, 5, 6].includes(n));
    addIntervalHead(table.select('thead tr th:nth-child(4)'), scale);
    const body = table.append('tbody');
    addCapped(section, rows, 60, 'rows', (row) =>
      addDifferenceRow(body, row, scale, comparison.least));
    addNote(section, `Faster or slower: the interval leaves out no change, and a rank test agrees `
      + `(p, after Holm’s correction). The grey band is ±${comparison.least * 100} %.`
      + (rows.some((row) => row.base.repetitions === 1 && row.new.repetitions === 1) ? ' Of single repetitions it is not known how VMs of '
        + 'the same kind differ among each other: measure with --repeat 5.' : ''));
  }
  addTextList(section, 'The hosts differ', (comparison.host_differences ?? []).map((one) =>
    `${one.fact}: ${one.base ?? 'not said'}, then ${one.new ?? 'not said'}`));
  addTextList(section, 'Not compared', (comparison.left_out ?? []).map(({id, reason}) =>
    `${id}: ${reason}`));
}
