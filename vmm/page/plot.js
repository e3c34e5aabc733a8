'use strict';
// What plots have in common: units, colors, axes, small multiples.

/** How series are set beside each other: as times, if they are cycles of known clocks. */
function measureOf(series) {
  const known = series.every((one) => one.unit === 'cycles' && one.tscKhz > 0);
  if (!known) {
    const unit = series.length === 0 ? '' : series[0].unit;
    return {
      name: unit, khz: null,
      of: (one, value) => value,
      text: (value) => `${numberText(value)}${thinSpace}${unit}`,
      tick: (value) => numberText(value),
    };
  }
  const same = series.every((one) => one.tscKhz === series[0].tscKhz);
  return {
    name: 'time', khz: same && series.length !== 0 ? series[0].tscKhz : null,
    of: (one, value) => value * 1e6 / one.tscKhz,
    text: timeText,
    tick: timeTick,
  };
}

const colorCount = 7;
const dashes = [null, '6 3', '2 3', '9 3 2 3'];

/** Gives the marks of a selection the color of a place on an axis (page.css has the palettes). */
function colored(selection, axis, placeOf) {
  if (axis !== null && axis.numeric && axis.values.length > 2) {
    const share = (datum) => placeOf(datum) / (axis.values.length - 1);
    return selection.classed('colored', true)
      .style('--light', (datum) => d3.interpolateViridis(0.02 + 0.72 * share(datum)))
      .style('--dark', (datum) => d3.interpolateViridis(0.98 - 0.63 * share(datum)));
  }
  return selection.classed('colored', true)
    .style('--light', (datum) => `var(--color-${placeOf(datum) % colorCount})`)
    .style('--dark', (datum) => `var(--color-${placeOf(datum) % colorCount})`);
}

/** Round values of a logarithmic scale, at most about one for each `space` pixels. */
function logTicks(scale, space) {
  const [low, high] = scale.domain();
  const most = Math.max(2, Math.abs(scale.range()[1] - scale.range()[0]) / space);
  const candidates = [[1, 2, 5], [1, 3], [1]].map((digits) => d3.range(
    Math.floor(Math.log10(low)), Math.ceil(Math.log10(high)) + 1)
    .flatMap((power) => digits.map((digit) => digit * 10 ** power))
    .filter((value) => value >= low && value <= high));
  const found = candidates.find((ticks) => ticks.length <= most) ?? candidates[2];
  if (found.length < 3 && candidates[0].length < 3) {
    return d3.ticks(low, high, Math.min(most, 5)).filter((value) => value >= low && value <= high);
  }
  const step = Math.ceil(found.length / most);
  return found.filter((tick, n) => n % step === 0);
}

/** A logarithmic scale for values that may be 0, which then lie at its beginning. */
function logScale(values, range) {
  const positive = values.filter((value) => value > 0);
  const low = d3.min(positive) ?? 1;
  const high = Math.max(d3.max(positive) ?? 1, low * 1.05);
  return d3.scaleLog().domain([low / 1.04, high * 1.04]).range(range).clamp(true);
}

/** An SVG drawing, which says what it shows to those who do not see it. */
function addDrawing(parent, width, height, title) {
  const svg = parent.append('svg').attr('viewBox', `0 0 ${width} ${height}`)
    .attr('width', width).attr('height', height).attr('role', 'img').attr('aria-label', title);
  svg.append('title').text(title);
  return svg;
}

/** Times, and the same in cycles where one clock counted them, below a plot of logarithmic x. */
function addTimeAxis(svg, x, top, bottom, measure) {
  const axis = svg.append('g').attr('class', 'axis');
  const ticks = logTicks(x, 58);
  axis.selectAll('line').data(ticks).join('line').attr('class', 'grid')
    .attr('x1', x).attr('x2', x).attr('y1', top).attr('y2', bottom);
  axis.selectAll('text').data(ticks).join('text')
    .attr('x', x).attr('y', bottom + 15).attr('text-anchor', 'middle').text(measure.tick);
  if (measure.khz === null) {
    addAxisTitle(svg, x.range()[1], bottom + 30, measure.name);
    return;
  }
  const cycles = x.copy().domain(x.domain().map((ns) => ns * measure.khz / 1e6));
  const second = svg.append('g').attr('class', 'axis second');
  second.selectAll('text').data(logTicks(cycles, 84)).join('text')
    .attr('x', cycles).attr('y', bottom + 30).attr('text-anchor', 'middle').text(numberText);
  addAxisTitle(svg, x.range()[0] - 24, bottom + 15, 'time');
  addAxisTitle(svg, x.range()[0] - 24, bottom + 30, 'cycles');
}

function addAxisTitle(svg, x, y, text) {
  return svg.append('text').attr('class', 'axis-title').attr('x', x).attr('y', y)
    .attr('text-anchor', 'end').text(text);
}

/** Columns of small multiples that fit, and the width of each. */
function multiplesIn(body, count, least = 400, most = 1100) {
  const whole = Math.max(body.node().clientWidth, 280);
  const fitting = Math.max(1, Math.min(count, Math.floor(whole / least)));
  const columns = Math.ceil(count / Math.ceil(count / fitting));
  return {columns, width: Math.min(most, Math.floor((whole - (columns - 1) * 24) / columns))};
}

/** Draws each panel by `draw(box, panel, width)`, side by side as far as there is room. */
function drawMultiples(body, panels, draw, least, most) {
  const {width} = multiplesIn(body, panels.length, least, most);
  const grid = body.append('div').attr('class', 'multiples');
  addCapped(body, panels, 24, 'panels', (panel) => {
    const box = grid.append('div').attr('class', 'panel').style('width', `${width}px`);
    if (panel.title !== '') box.append('h4').text(panel.title);
    draw(box, panel, width);
  });
}

/** What several results are told apart by in one plot. */
function addResultLegend(parent) {
  if (!severalResults) return;
  const legend = parent.append('p').attr('class', 'legend');
  for (const result of results) {
    const entry = legend.append('span');
    const svg = entry.append('svg').attr('width', 30).attr('height', 10).attr('aria-hidden', true);
    svg.append('line').attr('class', 'sample').attr('x1', 1).attr('x2', 29)
      .attr('y1', 5).attr('y2', 5).attr('stroke-dasharray', dashes[result.place % dashes.length]);
    entry.append('span').text(result.name);
  }
}

/** Width of the labels left of a plot, by their lengths. */
function labelRoom(labels, width) {
  const longest = d3.max(labels, (label) => label.length) ?? 0;
  return Math.min(Math.max(58, longest * 6.6 + 16), width * 0.42);
}

function shortened(text, room) {
  const most = Math.max(4, Math.floor(room / 6.6));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
