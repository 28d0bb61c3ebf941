//! Sessions, streams and captured errors. Rows only; what they become stands in `commands/`.

use super::{ADMIN, OPERATOR, Row};
use crate::shim::commands::streams;

/// The rows of this family.
pub static ROWS: &[Row] = rows! {
    ["show" "sess"] "show sess [<id>|all|help] [<options>*]", "show the streams that are being served", OPERATOR, Told(streams::show) {
        "show sess" => "0x10000000001: proto=tcpv4 src=127.0.0.1:40000 fe=fe be=be srv=s1 ts=00 epoch=0 age=1m5s calls=4 rate=1 cpu=0 lat=0 rq[f=000003h,i=0,an=00h,ax=] rp[f=80000001h,i=0,an=02h,ax=] scf=[8,0h,fd=1/18,rex=,wex=30s] scb=[8,1h,fd=1/21,rex=29s,wex=] exp=29s rc=0 c_exp=\n0x100000000000000…: proto=unix_stream src=unix:1 fe=GLOBAL be=<NONE> srv=<none> ts=00 epoch=0 age=0s calls=… rate=0 cpu=0 lat=0 rq[f=000010h,i=0,an=00h,ax=] rp[f=80000010h,i=0,an=00h,ax=] scf=[8,0h,fd=1/…,rex=…,wex=] scb=[8,1h,fd=1/-1,rex=,wex=] exp=… rc=0 c_exp=\n";
        "show sess show-uri" => "0x10000000001: …c_exp= uri=\"GET /x HTTP/1.1\"\n0x1…c_exp=\n";
        "show sess all" => "0x10000000001: […] id=1099511627777 proto=tcpv4 source=127.0.0.1:40000\n  flags=0x0, conn_retries=0, conn_exp=<NEVER> conn_et=0x000 srv_conn=…\n  frontend=fe (id=2 mode=http), listener=? (id=1)\n  backend=be (id=3 mode=http)\n  server=s1 (id=1) addr=127.0.0.1:1\n…";
        "show sess 0x10000000001" => "0x10000000001: […";
        "show sess 0x1" => "Session not found.\n";
        "show sess help" => "Usage: show sess [<id> | all | help] [<options>*]\n…";
        "show sess foo" => "Unsupported option 'foo', try 'help' for more info.\n";
        "show sess older" => "Expects a minimum age (in seconds by default).\n";
        "show sess older x" => "Invalid age.\n";
        "show sess backend" => "Missing backend name.\n";
        "show sess server be" => "Require 'backend/server'.\n";
        "show sess backend x" => "No such backend.\n";
        "show sess server be/x" => "No such server.\n";
        "show sess frontend x" => "No such frontend.\n";
        "user;show sess" => "\nPermission denied\n";
    }
    ["shutdown" "session"] "shutdown session <id>", "end a stream where it stands", ADMIN, Told(streams::cut) {
        "shutdown session" => "Session pointer expected (use 'show sess').\n";
        "shutdown session foo" => "Session pointer expected (use 'show sess').\n";
        "shutdown session 0x1" => "No such session (use 'show sess').\n";
        "shutdown session 0x10000000001" => "";
    }
    ["shutdown" "sessions" "server"] "shutdown sessions server <b>/<s>", "end all streams on a server", ADMIN, Act(streams::cut_on_server) {
        "shutdown sessions server" => "Require 'backend/server'.\n";
        "shutdown sessions server x" => "Require 'backend/server'.\n";
        "shutdown sessions server x/y" => "No such backend.\n";
        "shutdown sessions server be/y" => "No such server.\n";
        "shutdown sessions server be/s1" => "";
    }
    ["show" "errors"] "show errors [<iid>|<proxy>] [request|response]", "show the last malformed messages of each proxy", OPERATOR, Ask(streams::show_malformed) {
        "show errors" => "Total events captured on […] : 1\n \n[…] frontend fe (#2): invalid request\n  backend <NONE> (#-1), server <NONE> (#-1), event #0, src 127.0.0.1:51082\n  buffer starts at 0 (including 0 out), 16342 free,\n  len 42, wraps at 16384, error at position 28\n  H1 connection flags 0x00000000, H1 stream flags 0x00000000\n  H1 msg state MSG_HDR_NAME(17), H1 msg flags 0x00000000\n  H1 chunk len 0 bytes, H1 body len 0 bytes :\n  \n  00000  GET / HTTP/1.1\\r\\n\n  00016  Host: x\\r\\n\n  00025  bad\\x01hdr: a\\\\b\\t\\r\\n\n  00040  \\r\\n\n";
        "show errors nosuch" => "No such proxy.\n";
        "show errors -1 response" => "Total events captured on […] : 1\n";
    }
};
