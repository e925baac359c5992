// Colours and fonts: neutral ones from Streamlit's theme, those of the types from Python.

export function readTheme(host, run) {
  const style = getComputedStyle(host), dark = style.colorScheme === "dark";
  const of = (name, other) => style.getPropertyValue(`--st-${name}`).trim() || other;
  const look = dark ? run.look.dark : run.look.light;
  return {
    ...look,
    dark,
    paper: of("background-color", "#ffffff"),
    ink: of("text-color", "#1f2328"),
    types: run.types.map((name) => look.types[name]),
    font: of("font", "sans-serif"),
  };
}
