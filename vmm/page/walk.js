'use strict';
// Study "walk": what an access costs by the size of what is accessed, in the guest and in a process
// of the host.

const walkPlaces = [
  {name: 'guest', dash: null, seriesOf: (main) => main},
  {
    name: 'process', dash: '5 3',
    seriesOf: (main) => main.companions.find((one) => one.is === 'in a process of the host'),
  },
];

function walkPoint(main, kind, place) {
  const series = place.seriesOf(main);
  const median = series === undefined ? null : figureOf(series, 'p50');
  const {working_set: size, accesses} = main.inputs;
  if (median === null || !(size > 0) || !(accesses > 0)) return [];
  return [{
    x: size, y: median / accesses, warnings: seriesWarnings(series),
    text: `${kind}, ${place.name}, ${bytesText(size)}: ${
      numberText(median / accesses)} cycles per access`,
  }];
}

function walkLines(series) {
  const kindOf = ({inputs}) => `${inputs.guest_leaf} × ${inputs.backing}`;
  const kinds = [...new Set(series.map(kindOf))];
  return kinds.flatMap((kind, color) => walkPlaces.map((place) => ({
    label: `${kind}, ${place.name}`, color, dash: place.dash,
    points: series.filter((one) => kindOf(one) === kind)
      .flatMap((one) => walkPoint(one, kind, place))
      .sort((one, other) => one.x - other.x),
  }))).filter((line) => line.points.length !== 0);
}

function walkPanels(study) {
  const axes = axesOf(study.series)
    .filter(({key}) => !['guest_leaf', 'backing', 'working_set'].includes(key));
  const byResult = axisOf('result', study.series, (one) => one.result.place, (one) => one.result.name);
  return panelsOf(study.series, severalResults ? [...axes, byResult] : axes);
}

function addWalks(section, study) {
  if (study.name !== 'walk') return;
  const {figure} = addFigure(section, 'Cycles per access by working set', 'walk', (body) => {
    drawMultiples(body, walkPanels(study), (box, panel, width) => {
      const lines = walkLines(panel.series);
      const sizes = new Set(lines.flatMap((line) => line.points.map((point) => point.x)));
      if (sizes.size < 2) {
        addNote(box, 'Not drawn: a curve takes two working sets whose medians are known.');
        return;
      }
      drawCurves(box, {
        title: `Cycles per access over working set: ${panel.title}`, lines,
        xTitle: 'working set', xText: bytesText,
        yTitle: 'cycles per access (median)', yText: numberText,
      }, width);
    }, 640, 1100);
  });
  addNote(figure, 'Leaf of the guest’s page table × backing of its memory. Solid: in the guest. '
    + 'Dashed: the same in a process of the host.');
}
