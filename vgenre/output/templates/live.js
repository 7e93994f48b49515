const get = (id) => document.getElementById(id);
const silence = "vgenre does not answer any more; is it still running?";
const lines = new Map();  // of the films that this page sent, by the names of their drops

async function answer(address) {
  const response = await fetch(address).catch(() => { throw new Error(silence); });
  const said = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(said.error || silence), { status: response.status });
  return said;
}
async function ask() {
  try {
    const state = await answer(`/films?after=${films.length}`);
    for (const film of state.films) {
      const number = films.length;
      films.push(Object.assign(film, { record: () => answer(`/films/${number}`) }));
      const line = lines.get(film.drop);
      if (line) line.say(film.status === "error" ? "could not be read, see below" : "labelled, see below");
    }
    if (state.films.length || expected !== state.total) { expected = state.total; show(); }
    showCurrent(state);
    get("save").hidden = !films.length;
    get("trouble").textContent = state.trouble ? plain(state.trouble) : "";
  } catch (error) {
    get("trouble").textContent = error.message;
  }
  setTimeout(ask, 1000);
}
function showCurrent({ current, waiting }) {
  get("now").hidden = !current;
  if (!current) return;
  const ready = current.part >= 1;  // it was looked at; what decided is still being found out
  get("doing").textContent = ready ? "Finding out what decided in" : "Labelling";
  get("current").textContent = plain(current.name);
  get("part").value = current.part;
  const wait = waiting ? `${waiting} ${waiting === 1 ? "waits" : "wait"}` : "none waits";
  get("queue").textContent = `${percent(current.part)}, ${wait}`;
  const line = lines.get(current.drop);
  if (line) line.say("is being labelled");
}

class Line {  // what is said of a film that is sent
  constructor(name) {
    this.text = make("span", { textContent: "waits to be sent" });
    this.element = make("li", {}, make("b", { textContent: plain(name) }), this.text);
    get("sent").append(this.element);
  }
  say(text) { this.text.textContent = text; }
  refuse(text) { this.element.className = "refused"; this.say(text); }
  sending(part) {
    if (!this.bar) {
      this.bar = make("progress", { max: 1 });
      this.element.append(this.bar);
    }
    this.bar.value = part;
    this.say(`is being sent, ${percent(part)}`);
  }
  sent() { if (this.bar) this.bar.remove(); this.bar = null; }
}
function upload(address, file, line) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();  // fetch does not tell how much is sent
    request.open("POST", address);
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => line.sending(event.loaded / (event.total || 1)));
    request.addEventListener("error", () => reject(new Error("could not be sent; can it still be read?")));
    request.addEventListener("load", () => {
      const said = request.response || {};
      if (request.status === 202) resolve(said);
      else reject(Object.assign(new Error(said.error || silence), { status: request.status }));
    });
    request.send(file);
  });
}
async function send(file, line) {
  const name = new URLSearchParams({ name: file.name, bytes: file.size });
  for (;;) {
    try {
      await answer(`/films/room?${name}`);  // before it is sent in vain
      const { drop } = await upload(`/films?${name}`, file, line);
      line.sent();
      line.say("waits to be labelled");
      lines.set(drop, line);
      return;
    } catch (error) {
      line.sent();
      if (error.status !== 429) { line.refuse(plain(error.message)); return; }
      line.say("waits until there is room");
    }
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}
let sending = Promise.resolve();  // one film at a time
async function add(coming) {
  for (const file of coming) {
    const line = new Line(file.name);
    const name = new URLSearchParams({ name: file.name, bytes: file.size });
    try {
      await answer(`/films/room?${name}`);
    } catch (error) {
      // What is refused is told at once, and not when those before it are sent.
      if (error.status !== 429) { line.refuse(plain(error.message)); continue; }
    }
    sending = sending.then(() => send(file, line));
  }
}
async function within(entry) {  // the files of a folder that was dropped, however deep
  if (entry.isFile) {
    return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  }
  const reader = entry.createReader(), found = [];
  for (;;) {  // a hundred at a time
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    for (const inner of some) found.push(...await within(inner));
  }
}
async function dropped(transfer) {
  // Both have to be asked for before anything is waited for: then the browser forgets them.
  const items = [...transfer.items].filter((item) => item.kind === "file").map((item) =>
    [item.webkitGetAsEntry && item.webkitGetAsEntry(), item.getAsFile()]);
  const folders = items.map(([entry]) => entry).filter((entry) => entry && entry.isDirectory);
  await add(items.filter(([entry]) => !(entry && entry.isDirectory)).map(([, file]) => file));
  for (const folder of folders) {
    try {
      await add(await within(folder));
    } catch (error) {
      new Line(folder.name).refuse("this folder could not be read");
    }
  }
}
for (const id of ["files", "folder"]) {
  get(id).addEventListener("change", (event) => {
    add([...event.target.files]);
    event.target.value = "";  // so that the same film can be chosen again
  });
}
addEventListener("dragover", (event) => { event.preventDefault(); get("add").classList.add("over"); });
addEventListener("dragleave", (event) => { if (!event.relatedTarget) get("add").classList.remove("over"); });
addEventListener("drop", (event) => {
  event.preventDefault();
  get("add").classList.remove("over");
  dropped(event.dataTransfer);
});
ask();
