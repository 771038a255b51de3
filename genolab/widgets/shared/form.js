// A config as a form of its own (genolab/widgets/controls.py, Controls).
import "./base.css";
import "./controls.css";
import { root } from "./look.js";
import { drawControls } from "./controls.js";

function renderForm({ model, el }) {
  const send = (name, value) => model.send({ do: "set", name, value });
  const controls = drawControls(model.get("fields"), send);
  const show = () => controls.show(model.get("values"), model.get("complaints"));
  for (const name of ["values", "complaints", "answers"]) model.on(`change:${name}`, show);
  el.append(root("gl-form", "Settings", controls.node));
  show();
}

export default { render: renderForm };
