// Gives every folder the address about.json, those without a module too: that is what `propagate` says.
export default function about(module) {
  module.O.routes.push([
    'get',
    '/about.json',
    async function (request, response) {
      const chores = await this.chores();
      response.json({ ...this.about(), open: chores.filter(chore => !chore.done).length });
    },
  ]);
}

about.propagate = true;
