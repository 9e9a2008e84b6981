/* The starter configuration that goes with the certificates. */
#include "tp-certgen/starter.h"

void
starter_write_role(struct buffer *text)
{
	buffer_append_text(text,
	    "# A role that may read the audit log, and a user that has it:\n"
	    "#\n"
	    "#     tctl create -f teleport-event-handler-role.yaml\n"
	    "#     tctl auth sign --user=teleport-event-handler --ttl=720h "
	    "--out=identity\n"
	    "#\n"
	    "# and give the file \"identity\" to tp-fetch.  Better than a file "
	    "that ends some\n"
	    "# day: let tbot (Machine ID) renew it; tp-fetch reads it again "
	    "when it changes.\n"
	    "kind: role\n"
	    "version: v5\n"
	    "metadata:\n"
	    "  name: teleport-event-handler\n"
	    "spec:\n"
	    "  allow:\n"
	    "    rules:\n"
	    "      - resources: ['event', 'session']\n"
	    "        verbs: ['list', 'read']\n"
	    "---\n"
	    "kind: user\n"
	    "version: v2\n"
	    "metadata:\n"
	    "  name: teleport-event-handler\n"
	    "spec:\n"
	    "  roles: ['teleport-event-handler']\n");
}

void
starter_write_pipeline(const struct starter *starter, struct buffer *text)
{
	const char *directory = starter->directory;

	buffer_append_text(text,
	    "# For tp-pipeline --env.  Each value is the options of one "
	    "program, divided by\n"
	    "# blanks (so no file name may hold one); see tp-fetch(1), "
	    "tp-hec(1), tp-cursor(1).\n"
	    "\n"
	    "# Where the position in the audit log is kept; one directory for "
	    "each cluster.\n"
	    "TP_STATE=\"/var/lib/teleport-splunk-pipe\"\n"
	    "\n"
	    "# The first run must say where it starts: a time, -24h, now or "
	    "earliest.\n");
	buffer_printf(text,
	    "TP_FETCH_OPTS=\"--teleport-addr %s --teleport-identity "
	    "%s/identity --start-time -24h\"\n",
	    starter->teleport_addr, directory);
	buffer_append_text(text,
	    "\n"
	    "# Add --ack indexer once the token has useACK, and --index, "
	    "--sourcetype or --host\n"
	    "# as your Splunk wants them.\n");
	buffer_printf(text,
	    "TP_HEC_OPTS=\"--url https://%s:8088 --token-file %s/hec-token "
	    "--ca %s/%s.crt --cert %s/%s.crt --key %s/%s.key",
	    starter->hec_host, directory, directory, starter->ca_name,
	    directory, starter->client_name, directory, starter->client_name);
	if (starter->client_key_pass_file != NULL)
		buffer_printf(text, " --key-pass-file %s",
		    starter->client_key_pass_file);
	buffer_append_text(text, "\"\n");
}

void
starter_write_inputs(const struct starter *starter, struct buffer *text)
{
	const char *server = starter->server_name;

	buffer_printf(text,
	    "# For Splunk (an indexer or heavy forwarder): a HEC that insists "
	    "on the client\n"
	    "# certificate.\n"
	    "#\n"
	    "# 1. Copy %s.pem and %s.crt to $SPLUNK_HOME/etc/auth/tp/, owned "
	    "by Splunk's\n"
	    "#    user, mode 0600.\n"
	    "# 2. Put what follows into "
	    "$SPLUNK_HOME/etc/apps/splunk_httpinput/local/inputs.conf.\n"
	    "# 3. In $SPLUNK_HOME/etc/system/local/server.conf, name the "
	    "authority that client\n"
	    "#    certificates are checked against (all of splunkd uses it: "
	    "where it names\n"
	    "#    another already, append %s.crt to that file instead):\n"
	    "#\n"
	    "#        [sslConfig]\n"
	    "#        sslRootCAPath = $SPLUNK_HOME/etc/auth/tp/%s.crt\n"
	    "#\n"
	    "# 4. Restart Splunk, then: tp-hec --check with the options of "
	    "tp-pipeline.env.\n"
	    "\n"
	    "[http]\n"
	    "disabled = 0\n"
	    "port = 8088\n"
	    "enableSSL = 1\n"
	    "serverCert = $SPLUNK_HOME/etc/auth/tp/%s.pem\n",
	    server, starter->ca_name, starter->ca_name, starter->ca_name,
	    server);
	if (starter->has_server_key_pass)
		buffer_printf(text,
		    "# The passphrase of %s.key; Splunk encrypts it when it "
		    "starts.\n"
		    "sslPassword = CHANGE-ME\n",
		    server);
	buffer_printf(text,
	    "requireClientCert = true\n"
	    "sslVersions = tls1.2\n"
	    "\n"
	    "# The token is the one in the file hec-token, made at random.\n"
	    "[http://teleport]\n"
	    "disabled = 0\n"
	    "token = %s\n"
	    "sourcetype = _json\n"
	    "# index = teleport\n"
	    "# useACK = true\n",
	    starter->hec_token);
}
