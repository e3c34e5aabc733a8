'use strict';
// Heat maps: the medians over two axes; the other axes, and results, make panels.

/** Above 0, for the logarithmic scale of colors. */
function heatValue(one, measure) {
  return Math.max(measure.of(one, figureOf(one, 'p50')), 1e-3);
}

function cellText(one, measure) {
  const median = figureOf(one, 'p50');
  return median === null ? missing : measure.text(measure.of(one, median));
}

function drawHeatPanel(box, panel, width, {across, down, scale, measure}) {
  const columns = across.values.length;
  const rowLabels = panel.series.map((one) => down.textOf(one));
  const left = labelRoom([...rowLabels, down.key], width);
  const cell = Math.min(110, (width - left - 4) / columns);
  const rowHeight = 30;
  const top = 40;
  const title = `Medians over ${across.key} and ${down.key}`
    + (panel.title === '' ? '' : `: ${panel.title}`);
  const svg = addDrawing(box, width, top + rowHeight * down.values.length + 6, title);
  svg.append('text').attr('class', 'axis-title').attr('x', left).attr('y', 12).text(`${across.key} →`);
  addAxisTitle(svg, left - 8, 32, `${down.key} ↓`);
  const every = Math.ceil(36 / cell);
  const byColumn = new Map(panel.series.map((one) => [across.placeOf(one), across.textOf(one)])
    .filter(([place]) => place % every === 0));
  const byRow = new Map(panel.series.map((one) => [down.placeOf(one), down.textOf(one)]));
  svg.append('g').attr('class', 'axis').selectAll('text').data([...byColumn]).join('text')
    .attr('x', ([place]) => left + (place + 0.5) * cell).attr('y', 32)
    .attr('text-anchor', 'middle').text(([, text]) => shortened(text, cell * every));
  svg.append('g').attr('class', 'axis').selectAll('text').data([...byRow]).join('text')
    .attr('x', left - 8).attr('y', ([place]) => top + (place + 0.5) * rowHeight)
    .attr('dy', '0.32em').attr('text-anchor', 'end').text(([, text]) => shortened(text, left - 14));
  addCells(svg, panel.series.filter((one) => figureOf(one, 'p50') !== null), {
    x: (one) => left + across.placeOf(one) * cell,
    y: (one) => top + down.placeOf(one) * rowHeight,
    cell, rowHeight, scale, measure,
  });
}

function addCells(svg, series, {x, y, cell, rowHeight, scale, measure}) {
  const valueOf = (one) => heatValue(one, measure);
  const cells = svg.append('g').selectAll('g').data(series).join('g').attr('class', 'cell')
    .attr('transform', (one) => `translate(${x(one)},${y(one)})`);
  cells.append('title').text((one) => [`${one.id}: median ${cellText(one, measure)}`,
    ...seriesWarnings(one).map(({text}) => `⚠ ${text}`)].join('\n'));
  cells.append('rect').attr('width', Math.max(cell - 2, cell * 0.8)).attr('height', rowHeight - 2).attr('rx', 2)
    .attr('fill', (one) => d3.interpolateCividis(scale(valueOf(one))));
  cells.append('text').attr('x', (cell - 2) / 2).attr('y', rowHeight / 2 - 1).attr('dy', '0.32em')
    .attr('text-anchor', 'middle')
    .style('fill', (one) => (scale(valueOf(one)) > 0.55 ? '#111' : '#fff'))
    .text((one) => (cell < 46 ? '' : `${seriesWarnings(one).length === 0 ? '' : '⚠ '}${
      cellText(one, measure)}`));
}

function addHeatMap(section, study) {
  const axes = axesOf(study.series);
  if (axes.length < 2) return;
  let down = axes[0];
  let across = axes.slice(1).find((one) => one.numeric) ?? axes[1];
  const measure = measureOf(study.series);
  const medians = study.series.filter((one) => figureOf(one, 'p50') !== null);
  if (medians.length === 0) return;
  const scale = d3.scaleLog().range([0, 1])
    .domain(d3.extent(medians, (one) => heatValue(one, measure)))
    .clamp(true);
  const {controls, redraw} = addFigure(section, 'Medians over two axes', 'heat', (body) => {
    const byResult = severalResults
      ? [axisOf('result', study.series, (one) => one.result.place, (one) => one.result.name)] : [];
    const panels = panelsOf(study.series, [...othersThan(axes, across, down), ...byResult]);
    const [drawn, empty] = [true, false].map((wanted) => panels.filter((panel) =>
      panel.series.some((one) => figureOf(one, 'p50') !== null) === wanted));
    drawMultiples(body, drawn, (box, panel, width) =>
      drawHeatPanel(box, panel, width, {across, down, scale, measure}), 340, 900);
    if (empty.length !== 0) {
      addNote(body, `Not drawn, since no median is known of so few samples: ${
        empty.map((panel) => panel.title).join('; ')}`);
    }
  });
  const options = axes.map((one) => ({text: one.key, value: one}));
  const choose = (change) => (chosen) => {
    change(chosen);
    redraw();
  };
  // The same axis twice is no map: the other one gives way.
  const rows = addChoice(controls, 'down', options, down, choose((chosen) => {
    if (chosen === across) across = down;
    down = chosen;
    show();
  }));
  const columns = addChoice(controls, 'across', options, across, choose((chosen) => {
    if (chosen === down) down = across;
    across = chosen;
    show();
  }));
  const show = () => {
    rows.property('selectedIndex', axes.indexOf(down));
    columns.property('selectedIndex', axes.indexOf(across));
  };
}
