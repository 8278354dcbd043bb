// The texts of questions, loaded block by block when they are needed.

const Texts = {
  kept: new Map(),
  waiting: new Map(),
  most: 24,

  blockOf(index) {
    return Math.floor(index / DATA.block_size);
  },

  get blocks() {
    return Math.ceil(DATA.questions.ids.length / DATA.block_size);
  },

  /** What the runs made of the question at that index, with `passages` as `[text, title]`. */
  async question(index) {
    const block = await this.block(this.blockOf(index));
    return { ...block.questions[DATA.questions.ids[index]], texts: block.passages };
  },

  async block(number) {
    let found = this.kept.get(number);
    if (found === undefined) {
      found = this.load(number);
      found.catch(() => this.kept.delete(number));
    }
    this.kept.delete(number);
    this.kept.set(number, found);
    if (this.kept.size > this.most) this.kept.delete(this.kept.keys().next().value);
    return found;
  },

  async load(number) {
    const name = `questions-${number}`;
    if (DATA.server !== null) {
      const reply = await fetch(`${DATA.server}${number}`, { headers: { Accept: "application/json" } });
      if (!reply.ok) throw new Error(t("not_loaded"));
      return reply.json();
    }
    if (DATA.shards !== null) return unpacked(await shard(name));
    await whole;
    return unpacked(document.getElementById(`block-${name}`).textContent);
  },
};

const shardPolicy = DATA.shards === null || typeof trustedTypes === "undefined" ? null : trustedTypes.createPolicy("rageval-shards", { createScriptURL: (address) => address });

/** Called by the script of a shard. */
function ragevalShard(name, text) {
  Texts.waiting.get(name)?.(text);
  Texts.waiting.delete(name);
}
globalThis.ragevalShard = ragevalShard;

function shard(name) {
  return new Promise((resolve, reject) => {
    Texts.waiting.set(name, resolve);
    const address = `${encodeURIComponent(DATA.shards)}/${name}.js`;
    const script = document.createElement("script");
    script.src = shardPolicy === null ? address : shardPolicy.createScriptURL(address);
    script.onerror = () => reject(new Error(t("shard_missing", { folder: DATA.shards })));
    script.onload = () => script.remove();
    document.head.append(script);
  });
}

const folded = (text) => text.normalize("NFKC").toLowerCase();

/** The indexes of questions in whose answers, references or passages the words occur; null where `still()` turns false. */
async function searchTexts(words, still, progress) {
  const wanted = folded(words);
  const found = new Set();
  for (let number = 0; number < Texts.blocks; number++) {
    const block = Texts.kept.has(number) ? await Texts.block(number) : await Texts.load(number);
    if (!still()) return null;
    const passages = new Set(block.passages.flatMap(([text, title], place) => (folded(`${title}\n${text}`).includes(wanted) ? [place] : [])));
    for (let index = number * DATA.block_size; index < Math.min((number + 1) * DATA.block_size, DATA.questions.ids.length); index++) {
      const { references, runs } = block.questions[DATA.questions.ids[index]];
      const said = runs.flatMap((run) => (run === null ? [] : [run.answer ?? "", run.failure?.[1] ?? ""]));
      if ([...references, ...said].some((text) => folded(text).includes(wanted)) || runs.some((run) => run?.passages.some(([place]) => passages.has(place)))) found.add(index);
    }
    progress(number + 1, Texts.blocks);
  }
  return found;
}
