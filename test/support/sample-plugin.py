"""A Docker plugin as others write them: one process, ip(8), a bridge and a veth pair for each endpoint, or a macvlan link.

usage: sample-plugin.py SOCKET STATE-FILE [global]

Options of a network make it misbehave, as METHOD=KIND: refuse, hang, garbage, empty, status, cut, nothing, die;
mute and stall do what they are asked for, and then say nothing, or wait.
What it is asked goes to standard output, a JSON line each.
"""
import http.server, json, os, socketserver, subprocess, sys, threading, time

SOCKET, STATE, SCOPE = sys.argv[1], sys.argv[2], (sys.argv[3] if len(sys.argv) > 3 else 'local')
lock = threading.Lock()
state = {'networks': {}, 'endpoints': {}, 'pools': {}}
if os.path.exists(STATE):
    state = json.load(open(STATE))


def ip(*words):
    subprocess.run(['ip', *words], check=True, capture_output=True, text=True)


class Refusal(Exception):
    pass


def network_of(body):
    found = state['networks'].get(body['NetworkID'])
    if found is None:
        raise Refusal('network %s: I know nothing of it' % body['NetworkID'][:12])
    return found


def create_network(body):
    options = body['Options'].get('com.docker.network.generic', {})
    data = (body['IPv4Data'] + [{}])[0]
    bridge = 'sp' + body['NetworkID'][:10]
    ip('link', 'add', bridge, 'type', 'bridge')
    for family in ('IPv4Data', 'IPv6Data'):
        for one in body[family]:
            if one.get('Gateway'):
                ip('addr', 'add', one['Gateway'], 'dev', bridge, *(['nodad'] if family == 'IPv6Data' else []))
    ip('link', 'set', bridge, 'up')
    six = (body['IPv6Data'] + [{}])[0].get('Gateway', '')
    state['networks'][body['NetworkID']] = {'bridge': bridge, 'options': options, 'gateway': data.get('Gateway', '').split('/')[0], 'gateway6': six.split('/')[0]}


def delete_network(body):
    ip('link', 'del', network_of(body)['bridge'])
    del state['networks'][body['NetworkID']]


def create_endpoint(body):
    network = network_of(body)
    if body['EndpointID'] in state['endpoints']:
        raise Refusal('endpoint %s: it is there already' % body['EndpointID'][:12])
    answer = {}
    if 'address' in network['options'] and not body['Interface']['Address']:
        answer['Address'] = network['options']['address']
    if 'mac' in network['options'] and not body['Interface']['MacAddress']:
        answer['MacAddress'] = network['options']['mac']
    if 'insists' in network['options']:
        answer['Address'] = body['Interface']['Address']
    state['endpoints'][body['EndpointID']] = {'network': body['NetworkID'], 'options': body['Options'], 'mac': body['Interface']['MacAddress'] or answer.get('MacAddress', '')}
    return {'Interface': answer or None}


def join(body):
    network, endpoint = network_of(body), state['endpoints'][body['EndpointID']]
    near, far = 'p' + body['EndpointID'][:10], 'c' + body['EndpointID'][:10]
    options = network['options']
    if 'inside' in options:
        # It furnishes the sandbox by itself.
        ip('link', 'add', near, 'type', 'veth', 'peer', 'name', 'inside0', 'netns', body['SandboxKey'])
        subprocess.run(['nsenter', '--net=' + body['SandboxKey'], 'ip', 'link', 'set', 'inside0', 'up'], check=True)
    elif 'parent' in options:
        ip('link', 'add', far, 'link', options['parent'], 'type', 'macvlan', 'mode', 'bridge')
    else:
        ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far)
    if endpoint['mac'] and 'inside' not in options:
        ip('link', 'set', far, 'address', endpoint['mac'])
    if 'parent' not in options:
        ip('link', 'set', near, 'master', network['bridge'], 'up')
    routes = [{'Destination': one.split('@')[0], 'RouteType': 0 if '@' in one else 1, 'NextHop': one.split('@')[-1] if '@' in one else ''} for one in options.get('routes', '').split() if one]
    name = {'SrcName': '' if 'inside' in options else options.get('source', far), 'DstPrefix': options.get('prefix', 'plug')}
    # As careless about names as some are.
    return {'interfacename': name, 'Gateway': network['gateway'], 'GatewayIPv6': network['gateway6'], 'StaticRoutes': routes, 'DisableGatewayService': False}


def delete_endpoint(body):
    if body['EndpointID'] not in state['endpoints']:
        raise Refusal('endpoint %s: I know nothing of it' % body['EndpointID'][:12])
    del state['endpoints'][body['EndpointID']]
    for end in 'pc':
        subprocess.run(['ip', 'link', 'del', end + body['EndpointID'][:10]], capture_output=True)


def request_pool(body):
    number = 1
    while str(number) in state['pools']:
        number += 1
    pool = body['Pool'] or (body['Options'] or {}).get('pool') or ('fd99:%d::/64' % number if body['V6'] else '10.99.%d.0/24' % number)
    state['pools'][str(number)] = {'pool': pool, 'taken': {}, 'options': body['Options']}
    return {'PoolID': str(number), 'Pool': pool, 'Data': {}}


def request_address(body):
    pool = state['pools'][body['PoolID']]
    head, length = pool['pool'].split('/')
    stem = head[: head.rindex(':' if ':' in head else '.') + 1]
    wanted = body['Address'] or next(a for a in (stem + str(n) for n in range(1, 250)) if a not in pool['taken'])
    if wanted in pool['taken']:
        raise Refusal('address %s is taken' % wanted)
    pool['taken'][wanted] = body['Options']
    return {'Address': wanted + '/' + length}


def release_address(body):
    del state['pools'][body['PoolID']]['taken'][body['Address']]


METHODS = {
    'Plugin.Activate': lambda body: {'Implements': ['NetworkDriver', 'IpamDriver']},
    'NetworkDriver.GetCapabilities': lambda body: {'Scope': SCOPE, 'ConnectivityScope': SCOPE},
    'NetworkDriver.CreateNetwork': create_network,
    'NetworkDriver.DeleteNetwork': delete_network,
    'NetworkDriver.CreateEndpoint': create_endpoint,
    'NetworkDriver.EndpointOperInfo': lambda body: {'Value': {}},
    'NetworkDriver.DeleteEndpoint': delete_endpoint,
    'NetworkDriver.Join': join,
    'NetworkDriver.Leave': lambda body: None,
    'NetworkDriver.DiscoverNew': lambda body: None,
    'IpamDriver.GetCapabilities': lambda body: {'RequiresMACAddress': True},
    'IpamDriver.GetDefaultAddressSpaces': lambda body: {'LocalDefaultAddressSpace': 'here', 'GlobalDefaultAddressSpace': 'there'},
    'IpamDriver.RequestPool': request_pool,
    'IpamDriver.ReleasePool': lambda body: state['pools'].pop(body['PoolID']) and None,
    'IpamDriver.RequestAddress': request_address,
    'IpamDriver.ReleaseAddress': release_address,
}


def misbehaviour(method, body):
    options = body.get('Options') or {}
    options = options.get('com.docker.network.generic') or (state['networks'].get(body.get('NetworkID'), {}).get('options')) or options
    return options.get(method.split('.')[1])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def address_string(self):
        return 'engine'

    def log_message(self, *words):
        pass

    def do_POST(self):
        method = self.path[1:]
        text = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        body = json.loads(text) if text.strip() else {}
        print(json.dumps({'method': method, 'body': body}), flush=True)
        kind = misbehaviour(method, body)
        if kind == 'die':
            os._exit(1)
        if kind == 'hang':
            time.sleep(600)
        if kind == 'cut':
            self.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"half')
            self.close_connection = True
            return
        if kind == 'nothing':
            self.close_connection = True
            return
        if kind in ('garbage', 'empty'):
            return self.answer(200, b'<html>' if kind == 'garbage' else b'')
        if kind == 'status':
            return self.answer(500, b'{"Err": "out of paper\\nand ink"}')
        if method not in METHODS and kind is None:
            return self.answer(404, b'404 page not found')
        try:
            if kind == 'refuse':
                raise Refusal('not today')
            with lock:
                answer = METHODS[method](body) or {}
                with open(STATE + '.new', 'w') as file:
                    json.dump(state, file)
                os.replace(STATE + '.new', STATE)
            if kind == 'stall':
                print('stalls', flush=True)
                time.sleep(600)
            if kind == 'mute':
                self.close_connection = True
                return
            self.answer(200, json.dumps(answer).encode())
        except Exception as error:
            words = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
            self.answer(200, json.dumps({'Error' if method.startswith('Ipam') else 'Err': words}).encode())

    def answer(self, status, text):
        self.send_response(status)
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


if os.path.exists(SOCKET):
    os.unlink(SOCKET)
server = Server(SOCKET, Handler)
print('up', flush=True)
server.serve_forever()
