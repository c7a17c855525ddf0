// Chores: every folder of a house may hold a todo.txt. What is said here holds for all folders below, unless one of them says
// otherwise: garden/ has another colour and another heading, garden/roses/ another colour again.
import { Chores } from './chores.jsx';
import './style.css';

export default {
  title: 'House',
  colour: '#3b6ea5',

  /** What stands above the list. */
  heading() {
    return `Chores: ${this.title}`;
  },

  frame() {
    return <Chores module={this} />;
  },

  /** The lines of this folder's todo.txt; "x " before one says that it is done. */
  async chores() {
    const file = this.directory.walk('todo.txt');
    if (!(await file.info())?.isFile) return [];
    const lines = (await file.text()).split('\n').filter(line => line.trim() !== '');
    return lines.map(line => ({ done: /^x\s/.test(line), text: line.replace(/^x\s+/, '') }));
  },

  /** Facts for `about.json`; modules below add theirs. */
  about() {
    return { path: this.O.path, title: this.title, colour: this.colour };
  },

  O: {
    // Down, before any route: this sees every request, to whatever folder below.
    middleware: [
      [
        'use',
        function (request, response, next) {
          response.append('x-house', this.title);
          next();
        },
      ],
    ],
    // Up, after the routes of the folders below: theirs come first.
    routes: [
      [
        'get',
        ['/motto', '/*/motto'],
        function (request, response) {
          response.type('text').send('Many hands make light work.');
        },
      ],
    ],
  },
};
