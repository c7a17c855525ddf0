onconnect = ({ ports: [port] }) => {
  port.onmessage = async ({ data }) => {
    const module = await fetch('/site/modules/deep/er.js');
    port.postMessage(`shared: ${data}, ${/'(deeper)'/.exec(await module.text())[1]}`);
  };
};
