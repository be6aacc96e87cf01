// The audit trail, newest first, page by page.

import { call } from "./api.js";
import { button, field, form, h, list, time } from "./dom.js";

const PAGE = 50;

/** Make the view of the audit trail. */
export async function audit() {
  const actor = h("input", { maxlength: "512", autocapitalize: "off", spellcheck: "false" });
  const action = h("input", { maxlength: "64", autocapitalize: "off", spellcheck: "false" });
  const target = h("input", { maxlength: "512", autocapitalize: "off", spellcheck: "false" });
  const page = h("div", { tabindex: "-1" });
  const starts = []; // the number before which each page begins, the present page last
  const show = async () => {
    const before = starts.at(-1);
    const query = { before, limit: PAGE + 1, actor: actor.value, action: action.value, target: target.value };
    const lines = await call("GET", ["audit"], { query });
    const older = lines.length > PAGE;
    lines.length = Math.min(lines.length, PAGE);
    const turn = (change) => async () => {
      change();
      await show();
      page.focus();
    };
    page.replaceChildren(
      ...[list(lines, row, "Nothing is recorded here.")].flat(),
      h(
        "nav",
        { class: "actions", "aria-label": "Pages of the audit trail" },
        starts.length > 1 &&
          button(
            "Newer",
            turn(() => starts.pop()),
          ),
        older &&
          button(
            "Older",
            turn(() => starts.push(lines.at(-1).seq)),
          ),
      ),
    );
  };
  const search = async () => {
    starts.splice(0, starts.length, "");
    await show();
  };
  await search();
  const fields = [field("Actor", actor), field("Action", action), field("Target", target)];
  const hint = h("p", { class: "hint" }, "An action is exact, as secret.put, or a whole kind, as secret.*");
  return [h("h1", { tabindex: "-1" }, "Audit"), form(fields, "Filter", search, { kind: "line" }), hint, page];
}

function row(line) {
  const details = Object.entries(line.details).map(([name, text]) => `${name} ${text}`);
  return [
    h("div", { class: "name" }, `${line.action} ${line.target}`),
    h("div", { class: line.outcome === "ok" ? "yes" : "no" }, line.outcome),
    h(
      "div",
      { class: "hint" },
      `${line.seq}, `,
      time(line.time),
      ` by ${[line.actor || "nobody", ...details].join(", ")}`,
    ),
  ];
}
