onmessage = ({ data }) => {
  const socket = new WebSocket(new URL(data, location.href.replace(/^http/, 'ws')));
  socket.onopen = () => socket.send('from the worker');
  socket.onmessage = (message) => postMessage(message.data);
  socket.onerror = () => postMessage('failed');
};
