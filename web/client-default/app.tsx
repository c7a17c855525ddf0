// What is on the page: the frame of the module at the address, an error page when it throws, and a plain list of the
// directory where no module above has a frame.
import { Component, useEffect, useLayoutEffect, useMemo, useState, type ReactNode } from 'react';
import { Link, NavigationType, Router } from 'react-router-dom';
import { showClasses } from './classes.ts';
import { locationOf, navigationOver } from './navigation.ts';
import { encodePath } from './paths.ts';
import type { Module, Node, Runtime, Tree } from './runtime.ts';
import { sourceStack } from './source_map.ts';

export function App({ runtime, tree }: { runtime: Runtime; tree: Tree }): ReactNode {
  const navigation = useMemo(() => navigationOver(runtime), [runtime]);
  const [{ address, location }, show] = useState(() => ({
    address: runtime.address,
    location: locationOf(runtime.address, null),
  }));
  useEffect(
    () => runtime.on('address', next => show({ address: next, location: locationOf(next, navigation.takeState()) })),
    [runtime, navigation],
  );
  const path = address.path.replace(/(.)\/+$/, '$1');
  // Before the browser paints: the module's part of the style sheet counts from here.
  useLayoutEffect(() => showClasses(path), [path]);
  return (
    <Router location={location} navigator={navigation} navigationType={NavigationType.Push}>
      <ErrorPage path={path}>
        <Place module={tree(path)} path={path} directory={runtime.directory} />
      </ErrorPage>
    </Router>
  );
}

/** Frames of different functions are different components: their hooks must not be mixed. */
const frameIds = new WeakMap<object, number>();
let frames = 0;

function frameId(frame: object): number {
  let id = frameIds.get(frame);
  if (id === undefined) frameIds.set(frame, (id = ++frames));
  return id;
}

function Place({ module, path, directory }: { module: Module; path: string; directory: Node }): ReactNode {
  if (typeof module.frame !== 'function') return <Listing path={path} directory={directory} />;
  return <Frame key={frameId(module.frame)} module={module as FramedModule} />;
}

type FramedModule = Module & { frame: () => ReactNode };

function Frame({ module }: { module: FramedModule }): ReactNode {
  // Called as a method: modules reach what is theirs by `this`.
  return module.frame();
}

interface ErrorPageProps {
  path: string;
  children: ReactNode;
}

interface ErrorPageState {
  error: unknown;
  /** Where the error was thrown. */
  path: string;
  /** The same in the modules' own source, once it is known. */
  places: readonly string[] | null;
}

/** Shown until the address changes. */
class ErrorPage extends Component<ErrorPageProps, ErrorPageState> {
  override state: ErrorPageState = { error: undefined, path: this.props.path, places: null };

  static getDerivedStateFromError(error: unknown): Partial<ErrorPageState> {
    return { error: error ?? new Error('a frame has thrown nothing'), places: null };
  }

  override componentDidCatch(error: unknown): void {
    const { text, stack } = describe(error);
    void sourceStack(stack).then(places => {
      if (!places) return;
      console.error(`${text}\n${places.map(place => `    at ${place}`).join('\n')}`);
      if (this.state.error === error) this.setState({ places });
    });
  }

  static getDerivedStateFromProps({ path }: ErrorPageProps, state: ErrorPageState): Partial<ErrorPageState> | null {
    return path === state.path ? null : { error: undefined, path, places: null };
  }

  override render(): ReactNode {
    const { error, places } = this.state;
    if (error === undefined) return this.props.children;
    const { text, stack } = describe(error);
    return (
      <main role="alert" data-owndir-error="" style={{ font: '16px/1.5 system-ui, sans-serif', margin: '2rem' }}>
        <h1 style={{ fontSize: '1.25rem' }}>The module of {this.props.path} does not work</h1>
        <p>{text}</p>
        {places && (
          <pre data-owndir-places="" style={{ whiteSpace: 'pre-wrap' }}>
            {places.map(place => `at ${place}`).join('\n')}
          </pre>
        )}
        <details open={!places}>
          <summary>In the built script</summary>
          <pre style={{ whiteSpace: 'pre-wrap', fontSize: '0.8rem' }}>{stack}</pre>
        </details>
        <p>
          <button onClick={() => this.setState({ error: undefined, places: null })}>Try again</button>
        </p>
      </main>
    );
  }
}

function describe(error: unknown): { text: string; stack: string } {
  if (error instanceof Error) return { text: error.message || error.name, stack: error.stack ?? '' };
  if (typeof error === 'object' && error !== null && 'error' in error) return { text: String(error.error), stack: '' };
  return { text: String(error), stack: '' };
}

/** Where nothing else is to be seen: the names in the directory. */
function Listing({ path, directory }: { path: string; directory: Node }): ReactNode {
  const [names, setNames] = useState<string[] | null>(null);
  useEffect(() => {
    let wanted = true;
    const take = (nodes: Node[]) =>
      wanted && setNames(nodes.map(node => node.name).filter(name => !name.startsWith('.')));
    directory
      .walk(path)
      .children()
      .then(take, () => wanted && setNames([]));
    return () => {
      wanted = false;
    };
  }, [path, directory]);
  const base = path === '/' ? '' : path;
  return (
    <main data-owndir-listing="" style={{ font: '16px/1.5 system-ui, sans-serif', margin: '2rem' }}>
      <h1 style={{ fontSize: '1.25rem' }}>{path}</h1>
      <p>No module of this directory, or above it, has a frame function.</p>
      <ul>
        {names?.map(name => (
          <li key={name}>
            <Link to={encodePath(`${base}/${name}`)}>{name}</Link>
          </li>
        ))}
      </ul>
    </main>
  );
}
