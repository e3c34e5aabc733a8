'use strict';
// Study "shootdown crossover": from how many pages on a full flush is cheaper than one by one.

const crossoverStudy = 'shootdown crossover';

function crossoverLine(name, color, series, measure) {
  const points = series.filter((one) => one.name === name && figureOf(one, 'p50') !== null)
    .map((one) => {
      const value = (figure) => {
        const found = figureOf(one, figure);
        return found === null ? undefined : measure.of(one, found);
      };
      return {
        x: one.inputs.pages, y: value('p50'), low: value('p25'), high: value('p75'),
        warnings: seriesWarnings(one),
        text: `${name}, ${counted(one.inputs.pages, 'page')}: median ${measure.text(value('p50'))}`,
      };
    });
  return {label: name, color, dash: null, points: points.sort((one, other) => one.x - other.x)};
}

/** Where the curves cross, and what Linux takes for it. */
function crossoverMarks(result, flush, most) {
  const found = (result.report.crossovers ?? []).find((one) => one.full_flush === flush);
  if (found === undefined) return [];
  return [
    {at: found.full_flush_cheaper_from, text: 'full flush cheaper from'},
    {at: found.linux, text: 'Linux'},
  ].filter(({at}) => typeof at === 'number' && at >= 1 && at <= most)
    .map(({at, text}) => ({at, text: `${text} ${at}`}));
}

function addCrossovers(section, study) {
  if (study.name !== crossoverStudy) return;
  const series = study.series.filter((one) => typeof one.inputs.pages === 'number');
  const names = [...new Set(series.map((one) => one.name))];
  const measure = measureOf(series);
  const flushes = axisOf('flush', series, (one) => one.inputs.flush, (one) => String(one.inputs.flush));
  const byResult = axisOf('result', series, (one) => one.result.place, (one) => one.result.name);
  const panels = panelsOf(series, severalResults ? [flushes, byResult] : [flushes]);
  const {figure} = addFigure(section, 'Page by page, or everything', 'crossover', (body) => {
    drawMultiples(body, panels, (box, panel, width) => {
      const lines = names.map((name, n) => crossoverLine(name, n, panel.series, measure));
      const sizes = lines.flatMap((line) => line.points.map((point) => point.x));
      if (new Set(sizes).size < 2) {
        addNote(box, 'Not drawn: a curve takes two numbers of pages.');
        return;
      }
      drawCurves(box, {
        title: `Invalidation by page and full flush over pages: ${panel.title}`,
        lines,
        marks: crossoverMarks(panel.series[0].result, panel.series[0].inputs.flush, d3.max(sizes)),
        xTitle: 'pages', xText: numberText, yTitle: `median ${measure.name}`, yText: measure.tick,
      }, width);
    }, 520, 900);
  });
  addNote(figure, 'Lines are medians, bands the middle half of the samples.');
}
