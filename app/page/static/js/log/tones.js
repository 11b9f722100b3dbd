// What Ansible would colour on a terminal, where it was not told to: most runs have no colours.

const TONES = [
  [/^ok: \[/, 2],
  [/^changed: \[/, 3],
  [/^(?:skipping: \[|\.\.\.ignoring$|included: )/, 6],
  [/^(?:fatal: \[|failed: \[|\[ERROR\]: |ERROR! )/, 1],
  [/^\[(?:WARNING|DEPRECATION WARNING)\]: /, 5],
];

// The style of a line without any of its own; null for most.
export function toneOf(text) {
  const found = TONES.find(([beginning]) => beginning.test(text));
  return found ? { fg: found[1] } : null;
}
