'use strict';
// What is drawn when it comes into view, and unfolded for the printer.

const undrawn = new Map();

function drawNow(element) {
  const draw = undrawn.get(element);
  undrawn.delete(element);
  drawingObserver.unobserve(element);
  if (draw) draw();
}

const drawingObserver = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) drawNow(entry.target);
}, {rootMargin: '600px'});

/** Calls `draw` once `selection` is near to what is seen, or is to be printed. */
function drawWhenSeen(selection, draw) {
  undrawn.set(selection.node(), draw);
  drawingObserver.observe(selection.node());
}

let unfoldedForPrint = [];

function drawEverything() {
  unfoldedForPrint = [...document.querySelectorAll('main details:not([open])')];
  for (const fold of unfoldedForPrint) fold.open = true;
  for (const element of [...undrawn.keys()]) drawNow(element);
  for (const button of document.querySelectorAll('button.more')) button.click();
}

addEventListener('beforeprint', drawEverything);
addEventListener('afterprint', () => {
  for (const fold of unfoldedForPrint) fold.open = false;
});
