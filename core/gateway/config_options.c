/*
 * config_options: the one table of all options. Reading the file, `ringpost config` and the options
 * part of ringpost.conf(5) come from here. A new option is a row here and a field of the same name
 * in struct config; scripts/check_docs wants its help and a reader of the field.
 */

#include <string.h>

#include "core/gateway/config.h"

#define KIB    1024ULL
#define MIB    (1024 * KIB)
#define GIB    (1024 * MIB)
#define SECOND 1000ULL
#define HOUR   (3600 * SECOND)
#define DAY    (24 * HOUR)

/* name and field, type, default, least, most, unit, help */
#define ROW(name, type, fallback, least, most, unit, help)                                         \
    {                                                                                              \
#name, CONFIG_##type, fallback, least, most, unit, offsetof(struct config, name), help     \
    }

const struct config_option config_options[] = {
    ROW(myhostname, STRING, "", 0, 255, "",
        "The name of this host on the Internet, as greetings and Received lines show it. Left "
        "empty it is the system's host name, with .localdomain behind it when that has no dot."),
    ROW(mydomain, STRING, "", 0, 255, "",
        "The domain of this host. Left empty it is myhostname without its first part."),
    ROW(mydestination, LIST, "$myhostname, localhost.$mydomain, localhost", 0, 0, "",
        "The domains whose mail ends here. The first of them is the domain of user names that are "
        "written without one, in the users file as well as at a login."),
    ROW(mynetworks, LIST, "127.0.0.0/8 [::1]/128", 0, 0, "",
        "The networks of clients that are trusted: they may relay, and the limits of one client "
        "are not theirs. Written as address/bits, IPv6 in brackets."),
    ROW(mail_name, STRING, "Ringpost", 1, 100, "",
        "The name of the mail system in the SMTP greeting and in Received lines."),

    ROW(smtp_listen, LIST, "127.0.0.1:20025", 0, 0, "",
        "Where SMTP is served: address:port, [IPv6]:port, *:port for all addresses, or unix:/path. "
        "Empty for nowhere."),
    ROW(lmtp_listen, LIST, "", 0, 0, "", "Where LMTP is served, written as in smtp_listen."),
    ROW(imap_listen, LIST, "127.0.0.1:20143", 0, 0, "",
        "Where IMAP is served, written as in smtp_listen."),
    ROW(pop3_listen, LIST, "127.0.0.1:20110", 0, 0, "",
        "Where POP3 is served, written as in smtp_listen."),
    ROW(submission_listen, LIST, "127.0.0.1:20587", 0, 0, "",
        "Where mail programs hand in mail (RFC 6409), written as in smtp_listen. Installed it is "
        "port 587."),
    ROW(submissions_listen, LIST, "127.0.0.1:20465", 0, 0, "",
        "The same with TLS from the first byte on (RFC 8314), written as in smtp_listen. Installed "
        "it is port 465."),
    ROW(imaps_listen, LIST, "127.0.0.1:20993", 0, 0, "",
        "Where IMAP is served with TLS from the first byte on, written as in smtp_listen. "
        "Installed it is port 993."),
    ROW(pop3s_listen, LIST, "127.0.0.1:20995", 0, 0, "",
        "Where POP3 is served with TLS from the first byte on, written as in smtp_listen. "
        "Installed it is port 995."),
    ROW(http_listen, LIST, "", 0, 0, "",
        "Where HTTP is served, written as in smtp_listen: what mail programs ask for when an "
        "account "
        "is added (see the section CLIENT SET-UP of ringpost(8)), the MTA-STS policy and figures "
        "for "
        "Prometheus at /metrics. It is HTTP without TLS: put a web server that speaks HTTPS in "
        "front "
        "of it, under the names autoconfig, autodiscover and mta-sts of your domains."),
    ROW(io, ENUM, "auto", 0, 0, "auto uring epoll",
        "How the reactors do their input and output: io_uring, epoll, or io_uring where the kernel "
        "allows it. A command line wins over the file: -o io=epoll."),
    ROW(reactors, INTEGER, "0", 0, 256, "threads",
        "Threads that move bytes of connections. 0 takes half as many as there are processors."),
    ROW(workers, INTEGER, "0", 0, 1024, "threads",
        "Threads that read the store, check passwords and prepare messages. 0 takes twice as many "
        "as there are processors, at least 4."),
    ROW(connection_count_limit, INTEGER, "10000", 1, 1000000, "connections",
        "Connections that are served at the same time, of all protocols. Further ones are asked to "
        "come back later."),

    ROW(memory_max, SIZE, "512m", 16 * MIB, 1024 * GIB, "bytes",
        "The most memory that is held for clients: their sessions, commands, answers and messages "
        "on the way in. From 70 % on nothing is read ahead and buffers are half as large; from 85 "
        "% "
        "on (stress) new clients outside of mynetworks are asked to come back, those who are not "
        "logged in and idle longest are hung up on, and smtpd_stress_timeout and its like hold; "
        "from 95 % on no new mail is taken and strangers get nothing more. A disk that needs more "
        "than a second for a write is "
        "stress too. Each change is a line in the log."),
    ROW(user_memory_max, SIZE, "64m", MIB, 1024 * GIB, "bytes",
        "The most of it that is held for one user who is logged in, in all sessions and from all "
        "addresses together."),
    ROW(command_ahead_size, SIZE, "16k", 4 * KIB, 64 * KIB, "bytes",
        "Bytes of further commands of a client that are taken in while it waits for an answer; "
        "what is beyond them waits with the client."),
    ROW(client_memory_max, SIZE, "64m", MIB, 1024 * GIB, "bytes",
        "The most of it that is held for one client (an IPv4 address, an IPv6 /64) outside of "
        "smtpd_client_event_limit_exceptions."),
    ROW(client_config_host, STRING, "", 0, 255, "",
        "The host that ringpost client-config tells mail programs to use, with the ports of the "
        "*_listen options. Left empty it is myhostname."),
    ROW(http_connection_limit, INTEGER, "100", 1, 10000, "connections",
        "Connections of HTTP at the same time, at each place of http_listen. Further ones wait in "
        "the system's queue."),
    ROW(http_client_connection_limit, INTEGER, "50", 1, 10000, "connections",
        "The most of them of one address. Behind a proxy all have the same: then as many as "
        "http_connection_limit."),
    ROW(http_timeout, TIME, "10s", SECOND, HOUR, "milliseconds",
        "How long a client of HTTP may be silent before it is hung up on."),
    ROW(http_request_timeout, TIME, "30s", SECOND, HOUR, "milliseconds",
        "How long a request over HTTP and its answer may take in all, however busy the client is."),
    ROW(http_metrics_networks, LIST, "127.0.0.0/8 [::1]/128", 0, 0, "",
        "The networks whose clients may see the figures at /metrics, written as in mynetworks. A "
        "request that came through a proxy (Forwarded, X-Forwarded-For, X-Real-IP, Via) may not."),
    ROW(mta_sts_mode, ENUM, "off", 0, 0, "off none testing enforce",
        "What the policy says that other hosts get at "
        "https://mta-sts.domain/.well-known/mta-sts.txt "
        "(RFC 8461): whether they must have TLS with a certificate they trust to send us mail. "
        "With "
        "off there is no policy. The TXT record _mta-sts.domain is yours to write."),
    ROW(mta_sts_mx, LIST, "$myhostname", 0, 0, "",
        "The hosts that the MTA-STS policy names: those of your MX records; *.example.org for all "
        "of a domain."),
    ROW(mta_sts_max_age, TIME, "7d", 0, 31557600 * SECOND, "milliseconds",
        "How long other hosts keep the MTA-STS policy."),
    ROW(mail_owner, STRING, "ringpost", 1, 63, "",
        "The user that a server started by root becomes, with its group, as soon as its sockets "
        "are open. The store and the log are its; the configuration, users, aliases and keys must "
        "be readable by it for SIGHUP. When root is named, root is kept."),
    ROW(confinement, ENUM, "best-effort", 0, 0, "no best-effort yes kill",
        "After its start the server gives up what it has no use for: all files but those that the "
        "configuration names (Landlock), and all system calls but those of a mail server "
        "(seccomp). What the kernel cannot do is passed over with a warning, or with yes is a "
        "reason not to start. With kill a system call that nobody expected ends the process, in "
        "place of failing. Capabilities and new privileges are given up in any case."),

    ROW(maillog_file, PATH, "-", 0, 0, "",
        "Where the log goes: a file, - for standard error, or the word syslog. A file is opened "
        "again at SIGHUP, so that it can be moved away."),
    ROW(syslog_name, STRING, "postfix", 1, 64, "",
        "What the tag of SMTP log lines begins with. The default is what existing log analysers "
        "look for."),
    ROW(log_format, ENUM, "text", 0, 0, "text json",
        "Log lines as text in the shapes of Postfix and Dovecot, or as one JSON object a line with "
        "the same facts."),
    ROW(log_level, ENUM, "info", 0, 0, "debug info warning error",
        "The least important lines that are still logged."),

    ROW(users_file, PATH, "users", 0, 0, "",
        "The accounts, one a line: user@domain:{SCHEME}hash, as in a passwd file of Dovecot. "
        "Written by ringpost user, or by an editor."),
    ROW(recipient_delimiter, STRING, "+", 0, 16, "",
        "The bytes that divide a user's name from a detail: with + mail for user+list goes to "
        "user. The first of them that stands in an address counts. Empty for none."),
    ROW(luser_relay, STRING, "", 0, 320, "",
        "The address that gets mail for users of ours that do not exist. Left empty such mail is "
        "refused."),
    ROW(alias_maps, PATHS, "", 0, 0, "",
        "Files of aliases for local names, in the format of aliases(5). They are read as text; a "
        "map type in front (hash:, lmdb:, texthash:) is passed over."),
    ROW(virtual_alias_maps, PATHS, "", 0, 0, "",
        "Files of aliases for whole addresses, in the format of virtual(5): user@domain, user, or "
        "@domain for all of a domain. Looked up before alias_maps."),
    ROW(virtual_mailbox_domains, LIST, "", 0, 0, "", "Further domains whose mail ends here."),
    ROW(lda_mailbox_autocreate, BOOL, "no", 0, 0, "",
        "Make the mailbox that the detail of an address names when it is not there; else the mail "
        "goes to INBOX."),

    ROW(mail_default_mailboxes, LIST,
        "Drafts=Drafts Sent=Sent Junk=Junk Trash=Trash Archive=Archive", 0, 0, "",
        "The mailboxes that an account has from its beginning, besides INBOX, and is subscribed "
        "to. "
        "Each is a name without blanks; what it is for stands behind an equals sign: Drafts, Sent, "
        "Junk, Trash or Archive (RFC 6154). An account that is older gets them at its next login. "
        "Empty for none."),

    ROW(mail_store_directory, PATH, "store", 0, 0, "",
        "The directory of the messages and their index. It is made at the first start; only one "
        "process at a time can have it."),
    ROW(store_segment_size, SIZE, "64m", MIB, GIB, "bytes",
        "The length of one file of the log of messages, a multiple of 4096."),
    ROW(store_map_size, SIZE, "64g", 16 * MIB, 16384 * GIB, "bytes",
        "Address space for the index: the most that it can grow to. It takes no disk space before "
        "it is needed."),
    ROW(store_free_min, SIZE, "64m", MIB, 1024 * GIB, "bytes",
        "Mail is refused for the time being when the file system has less free space than this."),

    ROW(smtpd_banner, STRING, "$myhostname ESMTP $mail_name", 1, 500, "",
        "The text behind 220 in the SMTP greeting. It must begin with the host's name (RFC 5321, "
        "4.3.1)."),
    ROW(message_size_limit, SIZE, "10240000", 1024, GIB, "bytes",
        "The longest message that is taken, by SMTP, LMTP and IMAP, with its header."),
    ROW(line_length_limit, SIZE, "2048", 512, 64 * KIB, "bytes",
        "The longest command line of SMTP."),
    ROW(header_size_limit, SIZE, "102400", 1024, 100 * KIB, "bytes",
        "The longest field of a header that is understood. What is past this limit and the next "
        "seven is stored and delivered all the same, but is not in the answers to ENVELOPE, "
        "BODYSTRUCTURE and the like. They count when a message comes in."),
    ROW(header_block_size_limit, SIZE, "1m", 1024, MIB, "bytes",
        "Bytes of one header, with all its fields, that are understood."),
    ROW(header_count_limit, INTEGER, "5000", 10, 5000, "fields",
        "Fields of one header that are understood."),
    ROW(header_address_token_limit, INTEGER, "2000", 10, 2000, "addresses",
        "Addresses in the header of one message that are understood."),
    ROW(mime_nesting_limit, INTEGER, "100", 1, 100, "levels",
        "Parts in parts of a message; what is deeper is one part."),
    ROW(mime_part_limit, INTEGER, "10000", 1, 10000, "parts",
        "Parts of a message in all; after them none is taken apart."),
    ROW(mime_parameter_limit, INTEGER, "128", 1, 128, "parameters",
        "Parameters of one Content-Type or Content-Disposition field (RFC 2231)."),
    ROW(mime_boundary_length_limit, INTEGER, "200", 70, 200, "bytes",
        "The longest boundary between parts. RFC 2046 5.1.1 allows 70."),
    ROW(hopcount_limit, INTEGER, "50", 1, 1000, "Received lines",
        "A message that was received more often than this is refused as going in circles."),
    ROW(smtpd_recipient_limit, INTEGER, "1000", 100, 100000, "recipients",
        "Recipients of one message. RFC 5321 4.5.3.1.8 wants at least 100."),
    ROW(smtpd_recipient_overshoot_limit, INTEGER, "1000", 0, 100000, "recipients",
        "Recipients beyond smtpd_recipient_limit that are refused before further ones count as "
        "errors."),
    ROW(smtpd_client_connection_count_limit, INTEGER, "50", 1, 1000000, "connections",
        "Connections of one client (an IPv4 address, an IPv6 /64) at the same time, of all "
        "protocols."),
    ROW(smtpd_client_connection_rate_limit, INTEGER, "0", 0, 1000000, "connections",
        "New connections of one client in anvil_rate_time_unit, of all protocols. 0: any number."),
    ROW(smtpd_client_message_rate_limit, INTEGER, "0", 0, 1000000, "messages",
        "Messages that one client may begin in anvil_rate_time_unit, taken or not. 0: any number."),
    ROW(smtpd_client_recipient_rate_limit, INTEGER, "0", 0, 100000000, "recipients",
        "Recipients that one client may name in anvil_rate_time_unit, taken or not. 0: any "
        "number."),
    ROW(smtpd_client_auth_rate_limit, INTEGER, "0", 0, 1000000, "commands",
        "AUTH commands of one client in anvil_rate_time_unit. 0: any number."),
    ROW(anvil_rate_time_unit, TIME, "60s", SECOND, DAY, "",
        "The unit of time of the four limits above."),
    ROW(smtpd_client_event_limit_exceptions, LIST, "$mynetworks", 0, 0, "",
        "Networks of clients that have none of the limits of one client."),
    ROW(smtpd_error_sleep_time, TIME, "1s", 0, 60 * SECOND, "",
        "How long an answer waits once a client made smtpd_soft_error_limit errors."),
    ROW(smtpd_soft_error_limit, INTEGER, "10", 1, 10000, "errors",
        "Errors of a client in one session before its answers are slowed down."),
    ROW(smtpd_hard_error_limit, INTEGER, "20", 1, 10000, "errors",
        "Errors of a client in one session before it is hung up on."),
    ROW(smtpd_junk_command_limit, INTEGER, "100", 1, 100000, "commands",
        "Commands without use (NOOP, VRFY, ETRN, RSET) that a client may send before further ones "
        "count as errors."),
    ROW(smtpd_timeout, TIME, "300s", SECOND, HOUR, "",
        "How long an SMTP client may take to send a whole command, or a block of a message."),
    ROW(smtpd_stress_timeout, TIME, "10s", SECOND, HOUR, "",
        "What smtpd_timeout is lowered to, for clients outside of mynetworks that are in no "
        "transaction, while the gateway is under stress (see memory_max)."),
    ROW(smtpd_stress_hard_error_limit, INTEGER, "1", 1, 10000, "errors",
        "What smtpd_hard_error_limit is lowered to under stress, for the same clients."),
    ROW(smtpd_stress_junk_command_limit, INTEGER, "1", 1, 100000, "commands",
        "What smtpd_junk_command_limit is lowered to under stress, for the same clients."),
    ROW(smtpd_min_data_rate, INTEGER, "500", 1, 1000000, "bytes a second",
        "The least rate at which a message must come in, after its first ten seconds."),
    ROW(smtpd_authorized_xclient_hosts, LIST, "", 0, 0, "",
        "Networks of clients that may say with XCLIENT whom they speak for."),
    ROW(smtpd_upstream_proxy_hosts, LIST, "", 0, 0, "",
        "Networks of proxies that open each SMTP connection with a PROXY line (version 1 or 2), "
        "which says who the client is. Others may not send one."),
    ROW(smtpd_discard_ehlo_keywords, LIST, "", 0, 0, "",
        "Extensions that the answer to EHLO leaves out, in any case: chunking, dsn, ..."),
    ROW(smtpd_forbidden_commands, LIST, "CONNECT GET POST", 0, 0, "",
        "Words that no mail client sends first: the session ends at once."),
    ROW(disable_vrfy_command, BOOL, "no", 0, 0, "", "Answer VRFY with 502."),
    ROW(smtpd_helo_required, BOOL, "no", 0, 0, "",
        "Want HELO or EHLO before the first MAIL command."),
    ROW(strict_rfc821_envelopes, BOOL, "no", 0, 0, "",
        "Want the angle brackets around the addresses of MAIL and RCPT, and no blank in front."),
    ROW(smtputf8_enable, BOOL, "yes", 0, 0, "",
        "Offer SMTPUTF8 (RFC 6531): addresses with other letters than ASCII."),
    ROW(smtpd_forbid_unauth_pipelining, BOOL, "yes", 0, 0, "",
        "Hang up on a client that sends on before it was answered where RFC 2920 wants it to "
        "wait."),
    ROW(smtpd_forbid_bare_newline, ENUM, "normalize", 0, 0, "normalize reject",
        "What is done about lines of a message that end without a carriage return: they are lines "
        "and are stored as such, or the message is refused. Only a dot between two whole line ends "
        "ever ends a message."),
    ROW(smtpd_forbid_bare_newline_reject_code, INTEGER, "550", 400, 599, "",
        "The code of the answer when smtpd_forbid_bare_newline is reject; 521 hangs up as well."),

    ROW(smtpd_tls_security_level, ENUM, "may", 0, 0, "none may encrypt",
        "STARTTLS in SMTP: not at all, offered, or wanted before anything else. Mail from the "
        "Internet is lost with encrypt. Ports with TLS from the first byte on have it in any "
        "case."),
    ROW(ssl, ENUM, "yes", 0, 0, "no yes required",
        "STARTTLS in IMAP and STLS in POP3: not at all, offered, or wanted before a login (in SMTP "
        "too) of anybody who is not on this host or in login_trusted_networks. Ports with TLS from "
        "the first byte on have it in any case."),
    ROW(smtpd_starttls_timeout, TIME, "10s", SECOND, HOUR, "",
        "How long a TLS handshake may take in all, of any protocol."),
    ROW(smtpd_tls_chain_files, PATHS, "", 0, 0, "",
        "Files with a private key and its certificate chain each, PEM, for all protocols. A client "
        "that asks for a host gets the certificate that has the host's name; others get the first. "
        "They are read again at SIGHUP; when one of them is bad, those before stay."),
    ROW(smtpd_tls_cert_file, PATH, "", 0, 0, "",
        "A certificate with its chain, PEM, when there are no smtpd_tls_chain_files."),
    ROW(smtpd_tls_key_file, PATH, "$smtpd_tls_cert_file", 0, 0, "",
        "The private key of smtpd_tls_cert_file, PEM. Nobody else should be able to read it."),
    ROW(tls_self_signed_file, PATH, "$mail_store_directory/tls.pem", 0, 0, "",
        "While no certificate is configured, one of our own making is used, which nobody vouches "
        "for. It is made here at the first start, with its key. Empty for none, and no TLS."),
    ROW(smtpd_tls_protocols, ENUM, ">=TLSv1.2", 0, 0, ">=TLSv1.2 >=TLSv1.3",
        "The oldest version of TLS that is spoken, in all protocols."),
    ROW(smtpd_tls_CAfile, PATH, "", 0, 0, "",
        "The authorities that vouch for certificates of clients, PEM."),
    ROW(smtpd_tls_ask_ccert, BOOL, "no", 0, 0, "",
        "Ask clients of all protocols for a certificate. They may come without one."),
    ROW(smtpd_tls_req_ccert, BOOL, "no", 0, 0, "",
        "Refuse SMTP handshakes of clients without a certificate that smtpd_tls_CAfile vouches "
        "for."),
    ROW(smtpd_tls_received_header, BOOL, "yes", 0, 0, "",
        "Tell in the Received line of a message which cipher it came by."),
    ROW(smtpd_tls_loglevel, INTEGER, "1", 0, 4, "",
        "0 logs no TLS handshakes of SMTP but those that fail; from 1 on all are."),

    ROW(relay_enable, BOOL, "no", 0, 0, "",
        "Take mail for other domains, from mynetworks and from users who are logged in, and for "
        "relay_domains from anybody, and deliver it by SMTP. With no it is put off with a 451."),
    ROW(relay_domains, LIST, "", 0, 0, "",
        "Domains that are not ours and whose mail is taken from anybody and handed on, with all "
        "domains below them."),
    ROW(relayhost, STRING, "", 0, 500, "",
        "Where mail goes that transport_maps sends nowhere else: a domain, whose mail exchangers "
        "are looked up, or [host] or [host]:port, which are not. Empty: to the exchangers of the "
        "recipient's domain."),
    ROW(transport_maps, MAPS, "", 0, 0, "",
        "Lookup tables from a recipient or domain to transport:nexthop, as in transport(5) of "
        "Postfix. A table is a text file, or has its type in front: hash:, texthash:, lmdb:, "
        "regexp:, pcre:, static:. The text file is read in any case."),
    ROW(sender_dependent_relayhost_maps, MAPS, "", 0, 0, "",
        "Lookup tables from a sender or @domain to the relayhost of that sender's mail."),
    ROW(relay_transport, STRING, "relay", 1, 500, "",
        "The transport, or transport:nexthop, of mail for relay_domains."),
    ROW(default_transport, STRING, "smtp", 1, 500, "",
        "The transport, or transport:nexthop, of mail that no other rule is for."),
    ROW(minimal_backoff_time, TIME, "300s", SECOND, 30 * DAY, "",
        "How long mail waits after its first failed delivery. It doubles with each failure. A "
        "destination that nobody gets through to is left alone for as long."),
    ROW(maximal_backoff_time, TIME, "4000s", SECOND, 30 * DAY, "",
        "The longest time between two attempts to deliver a mail."),
    ROW(queue_run_delay, TIME, "300s", SECOND, DAY, "",
        "How often the whole queue is looked at for what is due, in case that a clock was set."),
    ROW(maximal_queue_lifetime, TIME, "5d", 0, 366 * DAY, "",
        "How old mail becomes before it is returned to its sender as not deliverable."),
    ROW(bounce_queue_lifetime, TIME, "5d", 0, 366 * DAY, "",
        "The same for mail that has no sender to return it to: it is given up."),
    ROW(bounce_size_limit, SIZE, "50000", 0, 10 * MIB, "bytes",
        "So much of a message is returned with the notice that it could not be delivered; of a "
        "longer one its header."),
    ROW(initial_destination_concurrency, INTEGER, "5", 1, 1000, "connections",
        "How many connections a destination gets at first."),
    ROW(default_destination_concurrency_limit, INTEGER, "20", 1, 10000, "connections",
        "How many it gets when all goes well."),
    ROW(default_destination_recipient_limit, INTEGER, "50", 1, 1000, "recipients",
        "How many recipients of a message are named in one transaction."),
    ROW(smtp_connection_count_limit, INTEGER, "2000", 1, 100000, "connections",
        "How many connections there are to all destinations together. A quarter of them is kept "
        "for "
        "destinations that answer."),
    ROW(smtp_connection_cache_time_limit, TIME, "2s", 0, 3600 * SECOND, "",
        "How long a connection that has nothing to do is kept for more mail."),
    ROW(smtp_mx_address_limit, INTEGER, "5", 1, 32, "addresses",
        "How many addresses of mail exchangers are tried."),
    ROW(smtp_mx_session_limit, INTEGER, "2", 1, 32, "sessions",
        "How many hosts are asked to take a mail before it waits."),
    ROW(smtp_helo_name, STRING, "$myhostname", 1, 255, "", "Our name in EHLO."),
    ROW(smtp_never_send_ehlo, BOOL, "no", 0, 0, "", "Say HELO, never EHLO."),
    ROW(smtp_discard_ehlo_keywords, LIST, "", 0, 0, "",
        "Extensions that are not used though a host offers them, as in "
        "smtpd_discard_ehlo_keywords."),
    ROW(smtp_line_length_limit, SIZE, "998", 0, 65536, "bytes",
        "Longer lines of a message are folded. 0: never."),
    ROW(smtp_connect_timeout, TIME, "30s", SECOND, 3600 * SECOND, "",
        "For a TCP connection to come to be."),
    ROW(smtp_helo_timeout, TIME, "300s", SECOND, 3600 * SECOND, "",
        "For a host's greeting and its answer to EHLO."),
    ROW(smtp_starttls_timeout, TIME, "300s", SECOND, 3600 * SECOND, "",
        "For its answer to STARTTLS."),
    ROW(smtp_mail_timeout, TIME, "300s", SECOND, 3600 * SECOND, "", "For its answer to MAIL."),
    ROW(smtp_rcpt_timeout, TIME, "300s", SECOND, 3600 * SECOND, "", "For its answer to RCPT."),
    ROW(smtp_data_init_timeout, TIME, "120s", SECOND, 3600 * SECOND, "", "For its answer to DATA."),
    ROW(smtp_data_xfer_timeout, TIME, "180s", SECOND, 3600 * SECOND, "",
        "For each part of a message to leave."),
    ROW(smtp_data_done_timeout, TIME, "600s", SECOND, 2 * 3600 * SECOND, "",
        "For its answer to the end of a message. With less, mail may arrive twice."),
    ROW(smtp_rset_timeout, TIME, "20s", SECOND, 3600 * SECOND, "", "For its answer to RSET."),
    ROW(smtp_address_preference, ENUM, "any", 0, 0, "any ipv4 ipv6",
        "Which addresses of equal exchangers come first; any takes turns."),
    ROW(inet_protocols, ENUM, "all", 0, 0, "all ipv4 ipv6",
        "Which protocols mail is delivered by."),
    ROW(smtp_tls_security_level, STRING, "may", 0, 20, "",
        "TLS towards other hosts: none, may (when it is offered), encrypt (always), dane, "
        "dane-only, verify, secure; as Postfix has them."),
    ROW(smtp_tls_policy_maps, MAPS, "", 0, 0, "",
        "Lookup tables from a next hop or domain to its level, with match= behind it."),
    ROW(smtp_tls_verify_cert_match, STRING, "hostname", 0, 500, "",
        "What a certificate must name at level verify."),
    ROW(smtp_tls_secure_cert_match, STRING, "nexthop, dot-nexthop", 0, 500, "",
        "What a certificate must name at level secure."),
    ROW(smtp_tls_CAfile, PATH, "", 0, 0, "",
        "The authorities that vouch for other hosts, PEM; for example "
        "/etc/ssl/certs/ca-certificates.crt."),
    ROW(smtp_tls_CApath, PATH, "", 0, 0, "", "A directory with more of them, one in a file."),
    ROW(dns_servers, LIST, "", 0, 0, "",
        "The name servers that are asked, address or address:port. Empty: those of "
        "dns_resolv_file."),
    ROW(dns_resolv_file, PATH, "/etc/resolv.conf", 0, 0, "", "Where the name servers are named."),
    ROW(dns_trust_anchor_file, PATH, "", 0, 0, "",
        "The key of the root of the DNS, for DNSSEC and DANE; on Debian /usr/share/dns/root.key. "
        "Empty: nothing in the DNS counts as secure."),

    ROW(imap_greeting, STRING, "Ringpost ready.", 1, 200, "",
        "The text of the IMAP greeting behind the capabilities."),
    ROW(imap_login_timeout, TIME, "60s", SECOND, HOUR, "",
        "How long an IMAP client may take to log in."),
    ROW(imap_idle_timeout, TIME, "30m", SECOND, DAY, "",
        "How long an IMAP client that is logged in may be silent. RFC 3501 5.4 wants at least 30 "
        "minutes."),
    ROW(imap_idle_notify_interval, TIME, "2m", 0, HOUR, "",
        "How often a client in IDLE is told that the server is still here, so that nothing on the "
        "way forgets the connection. 0 for never."),
    ROW(imap_login_command_size, SIZE, "8k", 1024, MIB, "bytes",
        "The longest command before a login, with its literals."),
    ROW(imap_login_nesting_limit, INTEGER, "1", 1, 1000, "levels",
        "Parentheses inside each other in a command before a login."),
    ROW(imap_login_bad_command_limit, INTEGER, "3", 1, 1000, "commands",
        "Commands that are not understood before a login, until the client is hung up on."),
    ROW(imap_command_size, SIZE, "64k", 8 * KIB, 64 * KIB, "bytes",
        "The longest command after a login, with its literals, but without the message of APPEND."),
    ROW(imap_nesting_limit, INTEGER, "32", 4, 1000, "levels",
        "Parentheses inside each other in a command after a login."),
    ROW(imap_literal_plus_size, SIZE, "4096", 4096, 64 * KIB, "bytes",
        "The longest literal of a command that a client may send without being asked for it, but "
        "for the message of APPEND (RFC 7888 5). It counts as part of the command as well."),
    ROW(imap_bad_command_limit, INTEGER, "20", 1, 1000, "commands",
        "Commands in a row that are not understood after a login, until the client is hung up on."),
    ROW(imap_output_size, SIZE, "256k", 16 * KIB, 64 * MIB, "bytes",
        "Bytes of answers that wait for a slow client, before its commands wait too."),
    ROW(imap_output_timeout, TIME, "300s", SECOND, HOUR, "",
        "How long a client may take nothing of what waits for it."),
    ROW(imap_mailbox_name_size, SIZE, "1024", 64, 1024, "bytes",
        "The longest name of a mailbox, with all its levels."),
    ROW(imap_mailbox_component_size, SIZE, "255", 16, 1024, "bytes",
        "The longest name of one level of a mailbox name."),
    ROW(imap_mailbox_depth_limit, INTEGER, "32", 1, 512, "levels", "Levels of a mailbox name."),
    ROW(imap_mailbox_limit, INTEGER, "10000", 10, 10000, "mailboxes",
        "Mailboxes that an account may come to have by CREATE and RENAME."),
    ROW(imap_keyword_limit, INTEGER, "64", 1, 64, "keywords", "Different keywords of one account."),
    ROW(imap_keyword_size, SIZE, "50", 8, 50, "bytes", "The longest keyword."),
    ROW(imap_search_key_limit, INTEGER, "256", 8, 65536, "keys", "Keys of one SEARCH command."),
    ROW(imap_search_depth_limit, INTEGER, "32", 1, 1000, "levels",
        "Keys in keys (NOT, OR, parentheses) of one SEARCH command."),
    ROW(imap_search_slice_time, TIME, "50ms", 1, 10 * SECOND, "",
        "How long one SEARCH may keep a worker before others have their turn."),
    ROW(mail_max_userip_connections, INTEGER, "20", 1, 100000, "connections",
        "IMAP connections of one user from one address at the same time."),

    ROW(pop3_greeting, STRING, "Ringpost ready.", 1, 200, "", "The text of the POP3 greeting."),
    ROW(pop3_login_timeout, TIME, "60s", SECOND, HOUR, "",
        "How long a POP3 client may take to log in."),
    ROW(pop3_idle_timeout, TIME, "10m", SECOND, DAY, "",
        "How long a POP3 client that is logged in may be silent; then its marks are forgotten. "
        "RFC 1939 3 wants at least 10 minutes."),
    ROW(pop3_login_delay, TIME, "0", 0, DAY, "",
        "The least time between two POP3 logins of one user (LOGIN-DELAY of RFC 2449), in whole "
        "seconds. 0 for none."),
    ROW(pop3_command_size, SIZE, "2048", 512, 32 * KIB, "bytes",
        "The longest line of a POP3 client; with AUTH it may be longer by "
        "smtpd_sasl_response_limit."),
    ROW(pop3_login_bad_command_limit, INTEGER, "3", 1, 1000, "commands",
        "POP3 commands in a row that are not understood before a login, until the client is hung "
        "up on."),
    ROW(pop3_bad_command_limit, INTEGER, "20", 1, 1000, "commands",
        "POP3 commands in a row that are not understood, or name no message, after a login, until "
        "the client is hung up on."),
    ROW(pop3_output_size, SIZE, "256k", 16 * KIB, 64 * MIB, "bytes",
        "Bytes of answers that wait for a slow POP3 client, before its commands wait too."),
    ROW(pop3_output_timeout, TIME, "300s", SECOND, HOUR, "",
        "How long a POP3 client may take nothing of what waits for it."),
    ROW(pop3_no_flag_updates, BOOL, "no", 0, 0, "",
        "Do not mark messages as seen that a POP3 client retrieves."),
    ROW(pop3_client_workarounds, LIST, "", 0, 0, "",
        "What is done for old clients: outlook-no-nuls sends NUL bytes as 0x80, oe-ns-eoh sends "
        "an empty line behind a header that has none."),

    ROW(auth_mechanisms, LIST,
        "scram-sha-256-plus scram-sha-1-plus scram-sha-256 scram-sha-1 plain login oauthbearer "
        "xoauth2",
        0, 0, "",
        "The SASL mechanisms by which users can log in. A SCRAM mechanism is offered only while "
        "the password field of every account serves it ({SCRAM-SHA-256}, {PLAIN}), or programs "
        "that prefer it would fail for the others. The -PLUS forms, which bind the login to the "
        "TLS connection (tls-exporter; tls-unique on TLS 1.2), are offered on TLS; oauthbearer and "
        "xoauth2, where tokens can be judged (oauth2_introspection_url, oauth2_key_files)."),
    ROW(disable_plaintext_auth, BOOL, "yes", 0, 0, "",
        "Take passwords as they are only where nobody can listen: on TLS, from this host itself, "
        "and from login_trusted_networks."),
    ROW(login_trusted_networks, LIST, "127.0.0.0/8 [::1]/128", 0, 0, "",
        "Networks of webmail servers and proxies. Passwords may come from there without TLS, and "
        "failures of their many users do not block the address."),
    ROW(smtpd_sasl_response_limit, SIZE, "12288", 1024, 32 * KIB, "bytes",
        "The longest response of a client during a login, in base64, in all protocols."),
    ROW(smtpd_sasl_auth_enable, BOOL, "no", 0, 0, "",
        "Offer AUTH on the SMTP port. Whoever logged in may send to others. Ports for submission "
        "always offer it."),
    ROW(smtpd_tls_auth_only, BOOL, "no", 0, 0, "",
        "Do not offer AUTH in SMTP before TLS has begun, to nobody and by no mechanism."),
    ROW(broken_sasl_auth_clients, BOOL, "no", 0, 0, "",
        "Offer the mechanisms a second time, as AUTH=..., for programs from before RFC 2554."),
    ROW(smtpd_sasl_authenticated_header, BOOL, "no", 0, 0, "",
        "Tell in the Received line of a message who was logged in."),
    ROW(auth_threads, INTEGER, "2", 1, 64, "threads",
        "Threads that compute the slow hashes of passwords."),
    ROW(auth_queue_limit, INTEGER, "64", 1, 10000, "logins",
        "Logins that may wait for one of auth_threads. Further ones are asked to come back."),
    ROW(auth_failure_delay, TIME, "2s", 0, 60 * SECOND, "",
        "How long the refusal of a login waits. It is doubled for each further one of the same "
        "client or the same user name."),
    ROW(auth_failure_delay_max, TIME, "15s", 0, 60 * SECOND, "",
        "The longest that a refusal waits."),
    ROW(auth_failure_decay, TIME, "60m", SECOND, 30 * DAY, "",
        "After so long without a failure the delays begin anew."),
    ROW(auth_failure_limit, INTEGER, "20", 1, 1000000, "failures",
        "Failed logins of one client (an IPv4 address, an IPv6 /64) in auth_failure_window, after "
        "which all its logins are refused for auth_block_time. The same wrong password again and "
        "again counts once."),
    ROW(auth_failure_window, TIME, "10m", SECOND, DAY, "", "The time for auth_failure_limit."),
    ROW(auth_block_time, TIME, "10m", SECOND, 30 * DAY, "",
        "How long a client is blocked that failed too often."),
    ROW(auth_cache_size, INTEGER, "10000", 0, 10000000, "logins",
        "Successful logins that are remembered, so that the next one of the same user with the "
        "same password need not compute the slow hash again. What is kept is a keyed hash, in "
        "memory only. 0 for none."),
    ROW(auth_cache_ttl, TIME, "1h", SECOND, 30 * DAY, "",
        "How long a successful login is remembered."),

    ROW(oauth2_introspection_url, STRING, "", 0, 1000, "",
        "Who is asked about the tokens of OAUTHBEARER and XOAUTH2: a provider's http or https "
        "address, better https. Empty for nobody; without oauth2_key_files as well, logins by "
        "token are not offered."),
    ROW(oauth2_introspection_mode, ENUM, "post", 0, 0, "post auth",
        "How he is asked: post sends the token in a form (RFC 7662), with oauth2_client_id and "
        "oauth2_client_secret as user and password; auth asks for the page in the name of the "
        "token's user, as for a provider's userinfo."),
    ROW(oauth2_client_id, STRING, "", 0, 200, "", "The name that the provider knows us by."),
    ROW(oauth2_client_secret, STRING, "", 0, 500, "",
        "The password to it. Then let nobody else read the configuration."),
    ROW(oauth2_key_files, PATHS, "", 0, 0, "",
        "Keys of those who sign tokens. A token (JWT) that one of them has signed is good without "
        "asking anybody. A file has a public key in PEM, RSA for RS256 or EC on P-256 for ES256, "
        "or else a secret of at least 32 bytes for HS256."),
    ROW(oauth2_username_attribute, STRING, "email", 1, 100, "",
        "What of a token, or of what the provider says of it, is the user's name."),
    ROW(oauth2_active_attribute, STRING, "active", 0, 100, "",
        "What the provider says of a token that is good: this has the value of "
        "oauth2_active_value. Empty when he does not, and says something of good tokens only."),
    ROW(oauth2_active_value, STRING, "true", 0, 100, "", "The value of oauth2_active_attribute."),
    ROW(oauth2_scope, LIST, "", 0, 0, "", "Scopes that a token must have, all of them."),
    ROW(oauth2_issuers, LIST, "", 0, 0, "",
        "Whose tokens are taken: the claim iss. Empty for anybody's who has one of the keys, or "
        "whom the provider vouches for."),
    ROW(oauth2_audiences, LIST, "", 0, 0, "",
        "Whom a token must be for: one of the claim aud. Empty for anybody, and then a token that "
        "was given for another service opens the mailbox as well."),
    ROW(oauth2_openid_configuration_url, STRING, "", 0, 1000, "",
        "Said to clients whose token is refused, so that they find where to get another."),
    ROW(oauth2_timeout, TIME, "5s", 100, 60 * SECOND, "",
        "How long the provider may take for an answer; then the client is asked to come back."),
    ROW(oauth2_connection_limit, INTEGER, "4", 1, 64, "connections",
        "Questions to the provider at the same time. auth_queue_limit more can wait."),
    ROW(oauth2_cache_ttl, TIME, "1m", 0, DAY, "",
        "How long a token that the provider found good is not asked about again, nor longer than "
        "it is good: so long a withdrawn one still works. 0 for asking each time."),

    ROW(debug_clock, STRING, "", 0, 40, "",
        "A fixed time for replaying known conversations, as 2020-07-15T16:31:24Z: the wall clock "
        "stands still there. Never for real mail."),
    ROW(debug_queue_id, STRING, "", 0, 20, "",
        "The queue id of the first message after the start, for replaying known conversations."),
};

const unsigned config_option_count = COUNT_OF(config_options);

const struct config_option *config_option_find(const char *name, size_t len)
{
    for (unsigned i = 0; i < config_option_count; i++)
        if (strlen(config_options[i].name) == len && memcmp(config_options[i].name, name, len) == 0)
            return &config_options[i];
    return NULL;
}

enum {
    NAME_MAX_LEN = 64, /* longer words are like no option */
    DISTANCE_MAX = 3,  /* more letters wrong than this is another word */
};

/* Levenshtein's distance, or more than DISTANCE_MAX for what is too long. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned row[NAME_MAX_LEN + 1];

    if (a_len > NAME_MAX_LEN || b_len > NAME_MAX_LEN)
        return DISTANCE_MAX + 1;
    for (unsigned j = 0; j <= b_len; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a_len; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= b_len; j++) {
            unsigned replaced = diagonal + (a[i - 1] != b[j - 1]);
            unsigned shorter = row[j - 1] < row[j] ? row[j - 1] : row[j];
            diagonal = row[j];
            row[j] = replaced < shorter + 1 ? replaced : shorter + 1;
        }
    }
    return row[b_len];
}

const struct config_option *config_option_like(const char *name, size_t len)
{
    const struct config_option *best = NULL;
    unsigned least = DISTANCE_MAX + 1;

    for (unsigned i = 0; i < config_option_count; i++) {
        unsigned d = distance(name, len, config_options[i].name, strlen(config_options[i].name));
        if (d < least) {
            least = d;
            best = &config_options[i];
        }
    }
    return best;
}
