onmessage = ({ data }) => {
  const request = new XMLHttpRequest();
  request.open('GET', data, false);
  request.send();
  postMessage(request.responseText);
};
