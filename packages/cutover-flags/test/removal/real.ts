// This repository is scanned too: its own tests must not hold what a scan finds as an import or a manifest.
const names = { '@LEGACY': ['@autopilot', 'legacy-lane'].join('/'), '@FOLDER': 'legacy-lane', '@LANE': 'khala' };

/** A text with its placeholders replaced by the real names. */
export function real(text: string): string {
  return Object.entries(names).reduce((out, [placeholder, name]) => out.replaceAll(placeholder, name), text);
}
