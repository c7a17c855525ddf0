export const deep = 'deeper';
export default () => `default of ${deep}`;
