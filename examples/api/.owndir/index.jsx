// An inbox for links, kept as text files in this folder, with short addresses: /go/NAME leads to the link.
import { add, find, list, remove, webAddress } from './links.js';
import { Page } from './page.jsx';
import { titleOf } from './title.js';
import './style.css';

export default {
  title: 'Links',

  /** Where they are kept. */
  links() {
    return this.directory.walk('links');
  },

  frame() {
    return <Page module={this} />;
  },

  O: {
    // On the server; `this` is the module.
    routes: [
      [
        'get',
        '/links.json',
        async function (request, response) {
          response.json(await list(this.links()));
        },
      ],

      [
        'post',
        '/links',
        async function (request, response) {
          const { url: address, title = '', note = '' } = request.body ?? {};
          const url = webAddress(address);
          if (!url)
            return response.status(400).json({ error: 'That is no web address: it begins with http:// or https://.' });
          const added = await add(this.links(), {
            url,
            title: String(title) || (await titleOf(url)),
            note: String(note),
          });
          console.log(`saved ${added.url} as ${added.name}`);
          response.status(201).location(`${request.baseUrl}/go/${added.name}`).json(added);
        },
      ],

      [
        'delete',
        '/links/:name',
        async function (request, response) {
          await remove(this.links(), request.params.name);
          response.status(204).end();
        },
      ],

      [
        'get',
        '/go/:name',
        async function (request, response, next) {
          const link = await find(this.links(), request.params.name);
          if (link) response.redirect(link.url);
          else next();
        },
      ],
    ],
  },
};
