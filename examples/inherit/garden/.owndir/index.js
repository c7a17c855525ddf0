// No frame and no chores() here: those of the house show this folder too, with what is different.
const garden = {
  title: 'Garden',
  colour: '#3f7d3a',

  heading() {
    const month = new Date().getMonth();
    return `${this.title}, ${['winter', 'spring', 'summer', 'autumn'][Math.floor(((month + 1) % 12) / 3)]}`;
  },

  about() {
    // What the module above says, for this folder, and more.
    return { ...Object.getPrototypeOf(garden).about.call(this), outdoors: true };
  },

  O: {
    routes: [
      [
        'get',
        '/motto',
        function (request, response) {
          response.type('text').send(`${this.title}: growing takes time.`);
        },
      ],
    ],
  },
};

export default garden;
