/** Style of the HTML report. Hues after Okabe and Ito, which colour-blind readers can tell apart; a glyph is always beside them. */
export const htmlStyle = `
:root { color-scheme: light dark; --pass: #00785a; --warn: #8a6100; --fail: #b84a00; --unknown: #7a5273; --line: #8884; --soft: #8882; }
@media (prefers-color-scheme: dark) { :root { --pass: #2cc79a; --warn: #f0b429; --fail: #ff8a4c; --unknown: #d3a3cb; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.verdict { font-size: 1.3rem; font-weight: 700; }
.pass { color: var(--pass); } .warn { color: var(--warn); } .fail { color: var(--fail); } .unknown { color: var(--unknown); }
.none { opacity: .5; }
.counts { display: flex; gap: 2rem; list-style: none; padding: 0; } .counts b { font-size: 1.4rem; } .counts .what { min-width: 8rem; align-self: baseline; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; } caption { text-align: left; white-space: nowrap; opacity: .75; padding-bottom: .4rem; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top; }
thead th { background: var(--soft); white-space: nowrap; }
.matrix td { text-align: center; font-weight: 700; }
@media print { body { margin: 0; max-width: none; } }
`;
