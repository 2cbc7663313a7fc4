import { TestCluster, CACHE } from '../harness/kubernetes';
import { nodeMissing, nodeNetwork } from '../harness/kubernetes-node';
jest.setTimeout(300000);
test('node', async () => {
  expect(nodeMissing(CACHE)).toBeNull();
  const network = nodeNetwork();
  const cluster = await TestCluster.start(network);
  try {
    await cluster.startNode(`${network.host}:5000`);
    console.log(JSON.stringify((await cluster.call('GET', '/api/v1/nodes/runs')).body).slice(0, 3000));
  } finally { await cluster.stop(); }
});
