/** What the engine tells of a container, as far as a copy has to differ from it. */
interface Original {
  readonly Id: string
  readonly Name: string
  readonly Config: Settings
  readonly HostConfig: { readonly NetworkMode?: string | undefined }
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, Endpoint>> }
}

interface Settings {
  readonly Hostname?: string | undefined
  readonly Entrypoint?: string | string[] | null | undefined
  readonly Volumes?: Readonly<Record<string, object>> | null | undefined
}

interface Endpoint {
  readonly Aliases?: string[] | null | undefined
  readonly IPAMConfig?: object | null | undefined
  readonly Links?: unknown
  readonly DriverOpts?: unknown
  readonly MacAddress?: string | undefined
}

/** How a copy differs. */
export interface Addition {
  /** Goes before its command. */
  readonly wrapper: readonly string[]
  /** Where a volume is, which nobody else has and which goes with it. */
  readonly volume: string
}

/**
 * What makes a container again, with the labels by which Compose knows it for its own.
 * @returns what to create it with, and the networks to connect it to afterwards: older engines create with one alone
 */
export function copyOf<C extends Settings, H extends Original['HostConfig']>(
  original: Original & { readonly Config: C; readonly HostConfig: H },
  { wrapper, volume }: Addition
): { readonly options: object; readonly others: readonly (readonly [string, object])[] } {
  const { Id, Name, Config, HostConfig, NetworkSettings } = original
  const networks = Object.entries(NetworkSettings.Networks).map(([name, one]) => [name, endpointOf(one, Id)] as const)
  const first = networks.filter(([name]) => name === HostConfig.NetworkMode)
  const options = {
    ...Config,
    name: Name.replace(/^\//, ''),
    // The engine's own choice for the original, and no name for another.
    ...(Id.startsWith(Config.Hostname || '-') ? { Hostname: '' } : {}),
    Entrypoint: [...wrapper, ...[Config.Entrypoint ?? []].flat()],
    Volumes: { ...Config.Volumes, [volume]: {} },
    HostConfig,
    NetworkingConfig: { EndpointsConfig: Object.fromEntries(first) }
  }
  return { options, others: networks.filter(([name]) => name !== HostConfig.NetworkMode) }
}

function endpointOf({ Aliases, IPAMConfig, Links, DriverOpts, MacAddress }: Endpoint, id: string): object {
  // Older engines name the container itself among its aliases.
  const aliases = Aliases?.filter(alias => !id.startsWith(alias))
  return { Aliases: aliases, IPAMConfig, Links, DriverOpts, ...(MacAddress ? { MacAddress } : {}) }
}
