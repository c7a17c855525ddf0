import { useEffect, useState, useSyncExternalStore } from 'react';
import { Link } from 'react-router-dom';

export function Chores({ module }) {
  const chores = useChores(module);
  const waiting = useStatus();
  return (
    <main className="chores" style={{ '--colour': module.colour }}>
      <nav>
        {above(module).map(each => (
          <Link key={each.O.path} to={each.O.path}>
            {each.title}
          </Link>
        ))}
      </nav>
      <h1>{module.heading()}</h1>
      {chores?.length === 0 && <p>Nothing to do.</p>}
      {chores === null && <p role="status">{waiting}</p>}
      <ul>
        {chores?.map(({ done, text }, index) => (
          <li key={index} className={done ? 'done' : ''}>
            {text}
          </li>
        ))}
      </ul>
      {module.O.children.length > 0 && (
        <nav>
          {module.O.children.map(child => (
            <Link key={child.O.path} to={child.O.path} style={{ '--colour': child.colour }}>
              {child.title}
            </Link>
          ))}
        </nav>
      )}
    </main>
  );
}

/** While there is no way to the folder: the sentence that says why. */
function useStatus() {
  const { owndir } = globalThis;
  return useSyncExternalStore(
    changed => owndir.on('status', changed),
    () => (owndir.mode === 'none' ? owndir.status.detail : ''),
  );
}

/** The modules on the way down to this one. */
function above(module) {
  const found = [];
  for (let each = module.O.parent; each; each = each.O.parent) found.unshift(each);
  return found;
}

/** Read again whenever the folder's todo.txt changes. */
function useChores(module) {
  const [chores, setChores] = useState(null);
  useEffect(() => {
    let current = true;
    const read = () =>
      module.chores().then(
        found => current && setChores(found),
        error => console.error(error),
      );
    const stop = module.directory.sub(['all'], ['todo.txt'], read);
    void read();
    return () => {
      current = false;
      stop();
    };
  }, [module]);
  return chores;
}
