/* Sample images with their anomaly maps, which a click enlarges. */

function imagesSection() {
  const galleries = DATA.galleries.map((gallery) => {
    const run = DATA.runs[gallery.key];
    return el("div", { class: "gallery" },
      el("h3", {}, `${gallery.category}: AUROC ${fixed(gallery.auroc, 3)}`),
      el("p", {}, `${run.method}, order ${run.order}, seed ${run.seed}, `, runLink(gallery.key)),
      ["worst", "best"].map((kind) => el("div", {}, el("h4", {}, kind), el("div", { class: "samples" },
        gallery.samples.filter((sample) => sample.kind === kind).map((sample) =>
          sampleFigure(gallery, sample, [["its anomaly map", sample.map]], tellSample(sample)))))));
  });
  return el("section", { id: "images", "aria-labelledby": "images-title" }, el("h2", { id: "images-title" }, "Sample images"),
    galleries.length ? el("p", {}, "Test images whose score is on the wrong side of most, and of fewest, images of the other label; "
      + "beside each its anomaly map, brighter where it finds more, on one scale a category. Green: the outline of the mask. Ties count half. "
      + "Two compared rows show both maps.") : el("p", {}, DATA.no_images), galleries);
}

const labelOf = (sample) => (sample.label ? `defective (${sample.defect})` : "good");
const tellSample = (sample) => `${labelOf(sample)}, score ${sample.score.toPrecision(4)}: ${fixed(100 * sample.wrong, 0)} % of the ${
  sample.label ? "good" : "defective"} images score ${sample.label ? "higher" : "lower"}`;

/* An image and its maps [what, address], which open enlarged together. */
function sampleFigure(gallery, sample, maps, text) {
  const pictures = [[`${gallery.category}, ${labelOf(sample)}`, sample.image], ...maps];
  return el("figure", { class: "sample" },
    el("button", { type: "button", class: "pictures", "aria-label": "enlarge", onclick: () => enlarge(pictures, text) },
      pictures.map(([alt, src]) => el("img", { src, alt, width: 112, height: 112, loading: "lazy" }))),
    el("figcaption", {}, text));
}

function enlarge(pictures, text) {
  const dialog = document.getElementById("zoom");
  refill(dialog, el("div", { class: "samples" }, pictures.map(([alt, src]) => el("figure", {}, el("img", { src, alt }), el("figcaption", {}, alt)))),
    el("p", {}, text), el("form", { method: "dialog" }, el("button", {}, "Close")));
  dialog.showModal();
}

/* The samples of which both rows have a map, as figures. */
function comparedSamples(one, other) {
  const mapOf = (gallery, sample, row) => {
    if (row.runs.includes(gallery.key)) return [sample.score, sample.map];
    const key = row.runs.find((each) => Object.hasOwn(sample.others, each));
    return key && sample.others[key];
  };
  return DATA.galleries.map((gallery) => {
    const both = gallery.samples.map((sample) => ({ sample, maps: [one, other].map((row) => mapOf(gallery, sample, row)) }))
      .filter(({ maps }) => maps.every(Boolean));
    return both.length ? el("div", {}, el("h3", {}, gallery.category), el("div", { class: "samples" }, both.map(({ sample, maps }) =>
      sampleFigure(gallery, sample, maps.map(([score, map], i) => [`${rowName([one, other][i])}: ${score.toPrecision(4)}`, map]),
        `${labelOf(sample)}; scores ${maps.map(([score]) => score.toPrecision(4)).join(" and ")}`)))) : null;
  }).filter(Boolean);
}
