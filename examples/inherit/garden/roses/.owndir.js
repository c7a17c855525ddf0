// The smallest module: one file beside the others, two words different from the garden's.
module.exports = { title: 'Roses', colour: '#b3304b' };
