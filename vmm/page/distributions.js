'use strict';
// Small multiples of distributions: in each panel cumulative ones above box plots, on one x axis;
// an axis of the study is the color, the others make the panels.

const cdfHeight = 150;

function valueRange(series, measure) {
  return series.flatMap((one) => {
    const pool = pooled(one);
    return [measure.of(one, pool.min), measure.of(one, pool.max)];
  });
}

function boxLabel(axis) {
  return (one) => {
    const label = axis === null ? (severalResults ? one.result.name : one.name) : axis.textOf(one);
    return severalResults && axis !== null && one.result.place !== 0 ? one.result.name : label;
  };
}

/** Those beside each other that are to be compared: by value of the axis, then by result. */
function inRows(series, axis) {
  const place = (one) => (axis === null ? 0 : axis.placeOf(one));
  return [...series].sort((one, other) =>
    place(one) - place(other) || one.result.place - other.result.place);
}

function drawDistributionPanel(box, panel, width, {axis, domain, measure}) {
  const drawn = inRows(panel.series.filter((one) => pooled(one).count !== 0), axis);
  const left = labelRoom(drawn.map((one) => `⚠ ${boxLabel(axis)(one)}`), width);
  if (drawn.length !== 0) {
    const top = 18;
    const bottom = top + cdfHeight + 12 + drawn.length * boxRow;
    const title = `Distributions: ${panel.title === '' ? panel.series[0].study : panel.title}`;
    const svg = addDrawing(box, width, bottom + 38, title);
    const x = logScale(domain, [left, width - 12]);
    const y = d3.scaleLinear().domain([0, 1]).range([top + cdfHeight, top]);
    addTimeAxis(svg, x, top, bottom, measure);
    const whole = drawn.filter((one) => whyNotDrawn(one) === '');
    const lines = addCdfs(svg, whole, x, y, measure, axis);
    addBoxes(svg, drawn, x, top + cdfHeight + 12, measure, axis, boxLabel(axis));
    linkBoxesToLines(svg, lines);
  }
  sayWhatIsNotDrawn(box, panel.series, boxLabel(axis));
}

/** Those that have the reason in common are in one line. */
function sayWhatIsNotDrawn(box, series, labelText) {
  const reasons = d3.nest().key(whyNotDrawn).entries(series.filter((one) => whyNotDrawn(one) !== ''));
  for (const {key, values} of reasons) {
    const what = pooled(values[0]).count === 0 ? 'Not drawn' : 'Drawn as dots only';
    addNote(box, `${what}: ${values.map(labelText).join(', ')} (${key})`);
  }
}

/** What is pointed at stands out. */
function linkBoxesToLines(svg, lines) {
  svg.selectAll('.box')
    .on('mouseenter', (chosen) => lines.classed('faded', (one) => one !== chosen))
    .on('mouseleave', () => lines.classed('faded', false));
}

/** What is compared at a glance: the axis with most values that one panel has room for. */
function axisToBeginWith(axes) {
  const fitting = axes.filter((axis) => axis.values.length <= 16);
  const size = (axis) => axis.values.length;
  const best = fitting.length === 0 ? d3.min(axes, size) : d3.max(fitting, size);
  return axes.find((axis) => size(axis) === best) ?? null;
}

function addDistributions(section, study) {
  const axes = axesOf(study.series);
  let axis = axisToBeginWith(axes);
  const measure = measureOf(study.series);
  const domain = valueRange(study.series.filter((one) => pooled(one).count > 0), measure);
  const {figure, controls, redraw} = addFigure(section, 'Distributions', 'distributions', (body) => {
    const panels = panelsOf(study.series, othersThan(axes, axis));
    drawMultiples(body, panels, (box, panel, width) =>
      drawDistributionPanel(box, panel, width, {axis, domain, measure}));
  });
  if (axes.length > 1) {
    addChoice(controls, 'compare along', axes.map((one) => ({text: one.key, value: one})), axis,
      (chosen) => {
        axis = chosen;
        redraw();
      });
  }
  addResultLegend(controls);
  addNote(figure, 'Above: share of samples up to a time. Below: the box is the middle half of the '
    + 'samples, the line in it the median, whiskers reach from the least to the 99th percentile '
    + '(of few samples the 90th), the tick is the greatest.'
    + (study.series.some((one) => one.repetitions.length > 1)
      ? ' Repetitions are pooled; dots are their medians.' : ''));
}
