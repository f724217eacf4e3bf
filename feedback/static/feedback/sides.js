// The switch of a phone: one answer at a time, or both, as the visitor left it.

const STORED = "see";

export class Sides {
  // `root` holds the switch and the answers; each side that was looked at is remembered.
  constructor(root) {
    this.root = root;
    this.seen = new Set();
    if (this.narrow()) {
      const start = localStorage.getItem(STORED) === "both" ? "see-b" : "see-1";
      root.querySelector(`#${start}`).checked = true;
      this.look();
    }
    root.dataset.sides = "ready";
    root.addEventListener("change", (event) => {
      if (event.target.name !== "see") return;
      localStorage.setItem(STORED, event.target.id === "see-b" ? "both" : "one");
      this.look();
    });
  }

  narrow() {
    const places = this.root.querySelector(".switch");
    return Boolean(places) && getComputedStyle(places).display !== "none";
  }

  look() {
    const see = this.root.querySelector("[name=see]:checked").id;
    for (const side of ["1", "2"]) if (see === "see-b" || see === `see-${side}`) this.seen.add(side);
  }

  unread() {
    return this.narrow() ? ["1", "2"].find((side) => !this.seen.has(side)) : undefined;
  }
}
