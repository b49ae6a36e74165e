// Cuts the network between parts of the stack, while each of them keeps its connections to the others.
import { succeed } from '../support/command.ts'
import type { Stack } from './stack.ts'

/**
 * Adds or removes routes that reject, in the network of a container: ioctl(2) with SIOCADDRT or SIOCDELRT, and the flags RTF_UP,
 * RTF_HOST and RTF_REJECT. The images have no program for that, but Perl.
 */
const ROUTES = `
  use Socket;
  my ($request, @addresses) = @ARGV;
  socket(my $s, AF_INET, SOCK_DGRAM, 0) or die $!;
  for (@addresses) {
    my $to = pack_sockaddr_in(0, inet_aton($_));
    my $none = pack_sockaddr_in(0, INADDR_ANY);
    my $route = pack('x8 a16 a16 a16 S x110', $to, $none, pack_sockaddr_in(0, inet_aton('255.255.255.255')), 0x205);
    ioctl($s, $request, $route) or die "$_: $!";
  }`
const ADD = 0x890b
const REMOVE = 0x890c

/** The address of a part in the network of Redis. */
export async function addressOf(stack: Stack, part: string): Promise<string> {
  const format = `{{(index .NetworkSettings.Networks "${stack.project}_data").IPAddress}}`
  return (await stack.docker('inspect', '--format', format, stack.container(part))).trim()
}

async function changeRoutes(stack: Stack, part: string, request: number, addresses: readonly string[]): Promise<void> {
  const image = (await stack.docker('inspect', '--format', '{{.Config.Image}}', stack.container(part))).trim()
  const network = ['--network', `container:${stack.container(part)}`]
  const rights = ['--user', '0:0', '--cap-drop', 'ALL', '--cap-add', 'NET_ADMIN', '--security-opt', 'no-new-privileges']
  const program = ['--entrypoint', 'perl', image, '-e', ROUTES, String(request), ...addresses]
  await succeed('docker', ['run', '--rm', '--pull', 'never', ...network, ...rights, ...program])
}

/** Cuts off these parts together from the other ones. Returns what mends it. */
export async function cutOff(stack: Stack, island: readonly string[], others: readonly string[]) {
  const addresses = await Promise.all(others.map((part) => addressOf(stack, part)))
  await Promise.all(island.map((part) => changeRoutes(stack, part, ADD, addresses)))
  return () => Promise.all(island.map((part) => changeRoutes(stack, part, REMOVE, addresses)))
}
