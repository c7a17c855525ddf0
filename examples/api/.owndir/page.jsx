import { useEffect, useState, useSyncExternalStore } from "react";
import { add, list, remove, webAddress } from "./links.js";

export function Page({ module }) {
  const links = useLinks(module);
  const [search, setSearch] = useState("");
  const waiting = useStatus();
  const wanted = (links ?? []).filter((link) => matches(link, search));
  let said = "";
  if (!links) said = waiting;
  else if (links.length === 0)
    said = "Nothing here yet. Paste an address above.";
  else if (wanted.length === 0) said = `No link has “${search.trim()}” in it.`;
  return (
    <main className="links">
      <header>
        <h1>{module.title}</h1>
        <input
          type="search"
          placeholder="Find"
          aria-label="Find a link"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
      </header>
      <Form module={module} />
      <p className="empty" role="status">
        {said}
      </p>
      <ul>
        {wanted.map((link) => (
          <Entry key={link.name} link={link} module={module} />
        ))}
      </ul>
    </main>
  );
}

/** Told anew whenever a file changes, here or on another device; null until the first time. */
function useLinks(module) {
  const [links, setLinks] = useState(null);
  useEffect(() => {
    let current = true;
    let timer;
    const read = () =>
      list(module.links()).then(
        (found) => current && setLinks(found),
        (error) => console.error(error),
      );
    const soon = () => {
      clearTimeout(timer);
      timer = setTimeout(read, 50);
    };
    const stop = module.directory.sub(["all"], ["links"], soon);
    soon();
    return () => {
      current = false;
      clearTimeout(timer);
      stop();
    };
  }, [module]);
  return links;
}

/** While there is no way to the folder: the sentence that says why. */
function useStatus() {
  const { owndir } = globalThis;
  return useSyncExternalStore(
    (changed) => owndir.on("status", changed),
    () => (owndir.mode === "none" ? owndir.status.detail : ""),
  );
}

function matches({ name, url, title, note }, search) {
  const text = [name, url, title, note].join("\n").toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** True where the page comes from the server at home, which can look up titles. */
function servedFromHome() {
  return globalThis.owndir?.where === "server";
}

function urlOf(module, path) {
  return globalThis.owndir.href(
    `${module.O.path}/${path}`.replace(/^\/\//, "/"),
  );
}

async function save(module, url) {
  if (!servedFromHome()) return add(module.links(), { url, title: "" });
  const answer = await fetch(urlOf(module, "links"), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ url }),
  });
  if (!answer.ok) throw new Error(await reasonOf(answer));
}

/** What the module says as JSON, or the server in plain words (not signed in, for example). */
async function reasonOf(answer) {
  const text = await answer.text();
  const type = answer.headers.get("content-type") ?? "";
  if (type.startsWith("text/plain") && text.trim()) return text.trim();
  try {
    return JSON.parse(text).error ?? "";
  } catch {
    return `The server answered ${answer.status}.`;
  }
}

function Form({ module }) {
  const [address, setAddress] = useState("");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  async function submit(event) {
    event.preventDefault();
    const url = webAddress(address);
    if (!url)
      return setProblem(
        "That is no web address: it begins with http:// or https://.",
      );
    setBusy(true);
    try {
      await save(module, url);
      setAddress("");
      setProblem("");
    } catch (error) {
      setProblem(error.message);
    } finally {
      setBusy(false);
    }
  }
  return (
    <form onSubmit={submit}>
      <input
        type="text"
        inputMode="url"
        placeholder="https://"
        aria-label="Address"
        value={address}
        onChange={(event) => setAddress(event.target.value)}
      />
      <button disabled={busy}>Save</button>
      {problem && <p role="alert">{problem}</p>}
    </form>
  );
}

function Entry({ link, module }) {
  return (
    <li>
      <a href={link.url} rel="noreferrer">
        {link.title}
      </a>
      <small>{new URL(link.url).host}</small>
      {servedFromHome() && (
        <a
          className="short"
          href={urlOf(module, `go/${link.name}`)}
          title="The short address: leads to the link"
        >
          go/{link.name}
        </a>
      )}
      <button
        aria-label={`Remove ${link.title}`}
        onClick={() => remove(module.links(), link.name)}
      >
        ×
      </button>
      {link.note && <p>{link.note}</p>}
    </li>
  );
}
