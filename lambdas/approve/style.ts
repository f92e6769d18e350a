/** The page's style, in the page itself: it loads nothing, and its hash is all that the policy of the page lets in. */
export const STYLE = `
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--line:#dfe3e8;--page:#f5f6f8;--card:#fff;--accent:#0b5fff;--on-accent:#fff;--used:#2f6fdb;--held:#9dbdf3;--left:#e3e7ed;--warn:#8a1c1c;--warn-back:#fdeeee;--good:#12603a;--good-back:#e9f6ef}
@media (prefers-color-scheme:dark){:root{--ink:#e8ebf0;--soft:#a2adbb;--line:#343c48;--page:#14181e;--card:#1d232b;--accent:#6ea0ff;--on-accent:#0b1220;--used:#6ea0ff;--held:#3d5c93;--left:#343c48;--warn:#ffb4b4;--warn-back:#3a2023;--good:#9be0b8;--good-back:#1b3227}}
*{box-sizing:border-box}
body{margin:0;padding:2.5rem 1rem;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:38rem;margin:0 auto;background:var(--card);border:1px solid var(--line);border-radius:12px;padding:2rem;overflow-wrap:anywhere}
.org{margin:0 0 .25rem;color:var(--soft);font-size:.875rem}
h1{margin:0 0 1rem;font-size:1.5rem;line-height:1.25}
h2{margin:0 0 .75rem;font-size:1.0625rem}
blockquote{margin:0 0 1.5rem;padding:.75rem 1rem;border-left:4px solid var(--accent);background:var(--page);border-radius:0 8px 8px 0}
blockquote p{margin:0}
svg{display:block;width:100%;height:14px;border-radius:7px;margin:0 0 1rem}
.used{fill:var(--used)}.held{fill:var(--held)}.left{fill:var(--left)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.375rem 1.25rem;margin:0 0 1.5rem}
dt{color:var(--soft)}dd{margin:0}
section{border-top:1px solid var(--line);padding-top:1.5rem;margin-top:1.5rem}
form>*{margin:0 0 1rem}
label,legend{display:block;font-weight:600;margin:0 0 .25rem;padding:0}
fieldset{border:0;padding:0}
.pick{display:flex;gap:.5rem;align-items:flex-start;font-weight:400;margin:0;padding:.25rem 0}
.pick input{margin:.15rem 0 0;width:1.125rem;height:1.125rem;flex:none;accent-color:var(--accent)}
form>.pick{margin:0 0 1rem}
input[type=text],textarea{width:100%;padding:.5rem .75rem;border:1px solid var(--soft);border-radius:8px;background:var(--card);color:var(--ink);font:inherit}
input.amount{max-width:12rem}
button{padding:.625rem 1.25rem;border:1px solid var(--accent);border-radius:8px;background:var(--accent);color:var(--on-accent);font:inherit;font-weight:600;cursor:pointer}
button.plain{background:transparent;color:var(--warn);border-color:var(--warn)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.hint{color:var(--soft);font-size:.875rem;margin:.25rem 0 0}
.note{border-radius:8px;padding:.75rem 1rem;margin:0 0 1.5rem}
.bad{background:var(--warn-back);color:var(--warn)}.good{background:var(--good-back);color:var(--good)}
footer{max-width:38rem;margin:1rem auto 0;color:var(--soft);font-size:.8125rem;overflow-wrap:anywhere}
@media (max-width:30rem){body{padding:1rem .5rem}main{padding:1.25rem}dl{grid-template-columns:1fr;gap:0}dd{margin:0 0 .5rem}}
`;
