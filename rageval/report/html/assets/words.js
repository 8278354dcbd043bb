// Which words of two texts differ: words in languages with spaces, characters in Chinese and Japanese.

const WORDS = /(?:(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}])[\p{L}\p{N}_])+|\s+|[^\s]/gu;
const MOST_CELLS = 4_000_000;

/** The second text as parts `[text, kind]`: "same", "added", and "removed" for what only the first one has. */
function changedWords(before, after) {
  const [a, b] = [before.match(WORDS) ?? [], after.match(WORDS) ?? []];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const [x, y] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  const parts = [];
  const say = (text, kind) => {
    if (!text) return;
    if (parts.length && parts[parts.length - 1][1] === kind) parts[parts.length - 1][0] += text;
    else parts.push([text, kind]);
  };
  say(a.slice(0, start).join(""), "same");
  if (x.length * y.length > MOST_CELLS) {
    say(x.join(""), "removed");
    say(y.join(""), "added");
  } else {
    for (const [text, kind] of longestCommon(x, y)) say(text, kind);
  }
  say(a.slice(a.length - end).join(""), "same");
  return parts;
}

function longestCommon(x, y) {
  const width = y.length + 1;
  const length = new Uint32Array((x.length + 1) * width);
  for (let i = x.length - 1; i >= 0; i--) {
    for (let j = y.length - 1; j >= 0; j--) {
      length[i * width + j] = x[i] === y[j] ? length[(i + 1) * width + j + 1] + 1 : Math.max(length[(i + 1) * width + j], length[i * width + j + 1]);
    }
  }
  const parts = [];
  let [i, j] = [0, 0];
  while (i < x.length || j < y.length) {
    if (i < x.length && j < y.length && x[i] === y[j]) {
      parts.push([x[i++], "same"]);
      j++;
    } else if (i < x.length && (j === y.length || length[(i + 1) * width + j] >= length[i * width + j + 1])) parts.push([x[i++], "removed"]);
    else parts.push([y[j++], "added"]);
  }
  return parts;
}

/** The change as elements; a screen reader hears what was removed and added. */
function changeMarks(before, after) {
  return changedWords(before, after).map(([text, kind]) => (kind === "same" ? plain(text) : h(kind === "added" ? "ins" : "del", null, plain(text))));
}
