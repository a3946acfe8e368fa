"""A GitHub of which only GET /user exists, on loopback, with TLS.

usage: github.py PORT FOLDER CERTIFICATE KEY
The user of a token is what stands in FOLDER/TOKEN; a token without a file is refused with 401. While FOLDER/hold exists
no answer is given. Each request is a line on standard output: path, Accept, User-Agent, and never the token; so is
"answered".
"""
import http.server
import pathlib
import ssl
import sys
import time

folder = pathlib.Path(sys.argv[2])


class Github(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        print(self.path, self.headers.get("Accept"), self.headers.get("User-Agent"), flush=True)
        while (folder / "hold").exists():
            time.sleep(0.05)
        user = folder / token
        known = self.path == "/api/v3/user" and scheme == "Bearer" and token.isalnum() and user.is_file()
        body = user.read_bytes() if known else b'{"message":"Bad credentials"}'
        try:
            self.send_response(200 if known else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except BrokenPipeError:
            pass
        print("answered", flush=True)

    def log_message(self, *_):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[3], sys.argv[4])
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Github)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
