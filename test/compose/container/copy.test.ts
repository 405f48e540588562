import t from 'tap'
import { copyOf } from '../../../compose/container/copy.ts'

const addition = { wrapper: ['sh', '-c', 'x', 'sh'], volume: '/v' }
const id = 'abcdef0123456789'
const original = {
  Id: id,
  Name: '/p-web-green-1',
  Config: {
    Hostname: 'abcdef012345',
    Image: 'app:2',
    Entrypoint: ['/entry'],
    Cmd: ['serve'],
    Volumes: { '/data': {} },
    Labels: { 'com.docker.compose.config-hash': 'h' }
  },
  HostConfig: { NetworkMode: 'p_default', Memory: 5 },
  NetworkSettings: {
    Networks: {
      p_data: { Aliases: ['web-green'], IPAMConfig: { IPv4Address: '10.0.0.9' }, NetworkID: 'n', Gateway: '10.0.0.1' },
      p_default: { Aliases: ['web-green', 'abcdef012345'], MacAddress: '' }
    }
  }
}

t.test(
  'a copy is the original with a wrapper and a volume; it is created with one network and then gets the others',
  async t => {
    const { options, others } = copyOf(original, addition)
    t.match(options, {
      name: 'p-web-green-1',
      Hostname: '',
      Image: 'app:2',
      Entrypoint: ['sh', '-c', 'x', 'sh', '/entry'],
      Cmd: ['serve'],
      Volumes: { '/data': {}, '/v': {} },
      Labels: { 'com.docker.compose.config-hash': 'h' },
      HostConfig: original.HostConfig
    })
    // Without the alias that only the original has, or any address that the engine gave it.
    t.same(JSON.parse(JSON.stringify(options)).NetworkingConfig, {
      EndpointsConfig: { p_default: { Aliases: ['web-green'] } }
    })
    t.same(JSON.parse(JSON.stringify(others)), [
      ['p_data', { Aliases: ['web-green'], IPAMConfig: { IPv4Address: '10.0.0.9' } }]
    ])
  }
)

t.test('a name and an address that the compose files give stay; what has no entrypoint needs none', async t => {
  const given = {
    ...original,
    Config: { Hostname: 'bot', Entrypoint: null },
    NetworkSettings: { Networks: { p_default: { MacAddress: '02:00:00:00:00:01' } } }
  }
  const { options } = copyOf(given, addition)
  t.match(options, {
    Hostname: 'bot',
    Entrypoint: ['sh', '-c', 'x', 'sh'],
    NetworkingConfig: { EndpointsConfig: { p_default: { MacAddress: '02:00:00:00:00:01' } } }
  })
})
