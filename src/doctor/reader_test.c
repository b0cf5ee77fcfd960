/* doctor/reader_test.c - what files of every dress turn into, an event a line. */
#include "doctor/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Events but plain lines, as one text. */
struct seen {
    struct td_event_sink sink;
    FILE *out;
    char *text;
    size_t len;
    bool lines; /* those as well */
};

static void say_time(struct seen *s, int64_t us)
{
    if (us == TD_NO_TIME)
        fputs("- ", s->out);
    else
        fprintf(s->out, "%lld.%06lld ", (long long)(us / 1000000), (long long)(us % 1000000));
}

static void say_message(struct seen *s, const struct td_event *event)
{
    const struct td_message *m = &event->u.message;
    char *body = m->body ? json_dumps(m->body, JSON_COMPACT) : NULL;

    fprintf(s->out, "%s v%u op%u g%u s%u i%u len%u %s%s%s\n",
            m->dir == TD_TO_DEVICE     ? ">"
            : m->dir == TD_FROM_DEVICE ? "<"
                                       : "?",
            m->hdr.version, m->hdr.op, m->hdr.group, m->hdr.seq, m->hdr.id, m->hdr.len,
            body ? body : "-", m->bytes ? "" : " words", m->cut ? " cut" : "");
    free(body);
}

static void take(struct td_event_sink *sink, const struct td_event *event)
{
    struct seen *s = (struct seen *)sink;
    const struct td_link_event *link = &event->u.link;

    if (event->kind == TD_EVENT_LINE && !s->lines)
        return;
    fprintf(s->out, "%u: ", event->at.line);
    say_time(s, event->time_us);
    switch (event->kind) {
    case TD_EVENT_LINE:
        fprintf(s->out, "%d %c [%s] %s\n", (int)event->line.dialect,
                event->line.level ? event->line.level : '-', event->line.module, event->line.text);
        break;
    case TD_EVENT_MESSAGE: say_message(s, event); break;
    case TD_EVENT_GARBAGE: fprintf(s->out, "garbage\n"); break;
    case TD_EVENT_LINK:
        switch (link->what) {
        case TD_LINK_UP: fprintf(s->out, "up\n"); break;
        case TD_LINK_DOWN: fprintf(s->out, "down %d\n", link->status); break;
        case TD_LINK_MTU: fprintf(s->out, "mtu %u\n", link->value); break;
        case TD_LINK_PARAMS:
            fprintf(s->out, "params %u %u %u\n", link->interval_us, link->latency,
                    link->timeout_ms);
            break;
        }
        break;
    }
}

/* The events of bytes that are fed step at a time. The caller frees. */
static char *events_of(const void *bytes, size_t len, size_t step, bool lines)
{
    struct seen s = { .sink = { take }, .lines = lines };
    struct td_reader *reader;

    s.out = open_memstream(&s.text, &s.len);
    assert_non_null(s.out);
    reader = td_reader_new(0, &s.sink);
    assert_non_null(reader);
    for (size_t at = 0; at < len; at += step)
        td_reader_feed(reader, (const char *)bytes + at, len - at < step ? len - at : step);
    td_reader_end(reader);
    fclose(s.out);
    return s.text;
}

#define ECHO_REQ "0A 00 00 06 00 00 42 00 A1 61 64 62 68 69"
#define ECHO_RSP "0B 00 00 07 00 00 42 00 BF 61 72 62 68 69 FF"

#define SAID_REQ "- > v1 op2 g0 s66 i0 len6 {\"d\":\"hi\"}\n"
#define SAID_RSP "- < v1 op3 g0 s66 i0 len7 {\"r\":\"hi\"}\n"

static const struct {
    const char *says;
    const char *text;
    const char *want;
} rows[] = {
    { "a line of prose", "The update works, but deadbeef and 0102030405060708 are no frames.\n",
      "" },
    { "numbers that look like a header without a payload",
      "00 00 00 00 00 00 00 00\n01 00 00 00 00 00 00 00\n02 00 00 00 00 00 00 00 00 00 00 00\n",
      "" },
    { "a request without a payload", "00 00 00 00 00 01 05 00\n",
      "1: - > v0 op0 g1 s5 i0 len0 {}\n" },
    { "hex with blanks", ECHO_REQ "\n" ECHO_RSP "\n", "1: " SAID_REQ "2: " SAID_RSP },
    { "a plain run", "got 0a00000600004200a16164626869 from it\n", "1: " SAID_REQ },
    { "dashes", "(0x) 0A-00-00-06-00-00-42-00-A1-61-64-62-68-69\n", "1: " SAID_REQ },
    { "colons", "data = 0a:00:00:06:00:00:42:00:a1:61:64:62:68:69;\n", "1: " SAID_REQ },
    { "an array in C",
      "uint8_t f[] = { 0x0a, 0x00, 0x00, 0x06, 0x00, 0x00, 0x42, 0x00, 0xa1, 0x61, 0x64, 0x62, "
      "0x68, 0x69 };\n",
      "1: " SAID_REQ },
    { "an array without leading zeros",
      "[0xa,0x0,0x0,0x6,0x0,0x0,0x42,0x0,0xa1,0x61,0x64,0x62,0x68,0x69]\n", "1: " SAID_REQ },
    { "bare hex that could be base64", "0200000c00010201a2636f666600646461746140\n",
      "1: - > v0 op2 g1 s2 i1 len12 {\"off\":0,\"data\":\"hex:\"}\n" },
    { "a string in Python",
      "b'\\x0a\\x00\\x00\\x06\\x00\\x00\\x42\\x00\\xa1\\x61\\x64\\x62\\x68\\x69'\n",
      "1: " SAID_REQ },
    { "hexdump -C",
      "00000000  0a 00 00 06 00 00 42 00  a1 61 64 62 68 69        |......B..adbhi|\n",
      "1: " SAID_REQ },
    { "xxd", "00000000: 0a00 0006 0000 4200 a161 6462 6869       ......B..adbhi\n",
      "1: " SAID_REQ },
    { "Go's client: the same frame in a dump and behind words",
      "DEBU[2026-03-02 09:12:05.019] Encoded:\n"
      "00000000  0a 00 00 06 00 00 42 00  a1 61 64 62 68 69        |......B..adbhi|\n"
      "DEBU[2026-03-02 09:12:05.021] Tx NMP request: "
      "00000000  0a 00 00 06 00 00 42 00  a1 61 64 62 68 69        |......B..adbhi|\n",
      "2: 33125.019000 > v1 op2 g0 s66 i0 len6 {\"d\":\"hi\"}\n" },
    { "Go's client: an answer behind words, over two lines",
      "DEBU[0001] rx nmp response: 00000000  03 00 00 14 00 01 05 00  bf 63 65 72 72 bf 65 67"
      "  |.........cerr.eg|\n"
      "00000010  72 6f 75 70 01 62 72 63  18 1c ff ff              |roup.brc....|\n",
      "1: 1.000000 < v0 op3 g1 s5 i0 len20 {\"err\":{\"group\":1,\"rc\":28}}\n" },
    { "a chunk whose image header looks like a message",
      "0000  02 00 00 29 00 01 02 01 a2 63 6f 66 66 00 64 64   ...).....coff.dd\n"
      "0010  61 74 61 58 1c 3d b8 f3 96 00 00 00 00 00 02 00   ataX.=..........\n"
      "0020  02 00 00 00 00 02 00 26 0f 4d de 59 18 ee f8 db   .......&.M.Y....\n"
      "0030  5b                                                [\n",
      "1: - > v0 op2 g1 s2 i1 len41 {\"off\":0,\"data\":"
      "\"hex:3db8f396000000000002000200000000020026"
      "0f4dde5918eef8db5b\"}\n" },
    { "a dump of two lines",
      "0000  03 00 00 14 00 01 05 00 bf 63 65 72 72 bf 65 67   .........cerr.eg\n"
      "0010  72 6f 75 70 01 62 72 63 18 1c ff ff               roup.brc....\n",
      "1: - < v0 op3 g1 s5 i0 len20 {\"err\":{\"group\":1,\"rc\":28}}\n" },
    { "console framing",
      "\x06\x09"
      "ABAKAAAGAABCAKFhZGJoaZsK\n",
      "1: " SAID_REQ },
    { "a frame of two lines with a log's line between them",
      "\x06\x09"
      "AHIKAABoAABCAKFhZHhjYSB0ZXh0IHRoYXQgZG9lcyBub3QgZml0IGludG8gb25lIGxpbmUgb2YgdGhlIGNvbnNvbGUs"
      "IGJlY2F1c2UgaXQgaXMgbG9uZ2VyIHRo\r\n"
      "[00:00:01.000,000] <inf> app: busy\r\n"
      "\x04\x14"
      "YW4gbmluZXR5LXRocmVlIGJ5dGVzxe0=\r\n",
      "1: - > v1 op2 g0 s66 i0 len104 {\"d\":\"a text that does not fit into one line of the "
      "console, because it is longer than ninety-three bytes\"}\n" },
    { "a frame of two lines whose markers were lost",
      "AHIKAABoAABCAKFhZHhjYSB0ZXh0IHRoYXQgZG9lcyBub3QgZml0IGludG8gb25lIGxpbmUgb2YgdGhlIGNvbnNvbGUs"
      "IGJlY2F1c2UgaXQgaXMgbG9uZ2VyIHRo\n"
      "YW4gbmluZXR5LXRocmVlIGJ5dGVzxe0=\n",
      "1: - > v1 op2 g0 s66 i0 len104 {\"d\":\"a text that does not fit into one line of the "
      "console, because it is longer than ninety-three bytes\"}\n" },
    { "a frame of two lines of which one was lost, and the next frame",
      "\x06\x09"
      "AHIKAABoAABCAKFhZHhjYSB0ZXh0IHRoYXQgZG9lcyBub3QgZml0IGludG8gb25lIGxpbmUgb2YgdGhlIGNvbnNvbGUs"
      "IGJlY2F1c2UgaXQgaXMgbG9uZ2VyIHRo\n"
      "\x06\x09"
      "ABAKAAAGAABCAKFhZGJoaZsK\n",
      "1: - garbage\n2: " SAID_REQ },
    { "console framing behind a prompt",
      "uart:~$ \x06\x09"
      "ABAKAAAGAABCAKFhZGJoaZsK\r\n",
      "1: " SAID_REQ },
    { "console framing whose markers were lost", "ABAKAAAGAABCAKFhZGJoaZsK\n", "1: " SAID_REQ },
    { "console framing as a terminal shows it", "^F^IABAKAAAGAABCAKFhZGJoaZsK\n", "1: " SAID_REQ },
    { "base64 with a wrong checksum is no frame", "ABAKAAAGAABCAKFhZGJoaZsJ\n", "" },
    { "a damaged console frame",
      "\x06\x09"
      "ABAKAAAGAABCAKFhZGJoaZsJ\n",
      "1: - garbage\n" },
    { "console framing in hex",
      "06 09 41 42 41 4b 41 41 41 47 41 41 42 43 41 4b 46 68 5a 47 4a 6f 61 5a 73 4b 0a\n",
      "1: " SAID_REQ },
    { "nRF Connect: call, notification and words are one message each",
      "V\t10:00:00.000\t[McuMgr] Writing characteristic da2e7828-fbce-4e01-ae9e-261174997c48 "
      "(WRITE COMMAND)\n"
      "A\t10:00:00.001\t[McuMgr] Sending (10 bytes) Header (Op: 2, Flags: 0, Len: 2, Group: 63, "
      "Seq: 1, Command: 0) CBOR {}\n"
      "D\t10:00:00.002\t[McuMgr] characteristic.setValue(0x02000002003F0100BFFF)\n"
      "I\t10:00:00.050\t[McuMgr] Notification received from "
      "da2e7828-fbce-4e01-ae9e-261174997c48, value: (0x) "
      "03-00-00-06-00-3F-01-00-BF-62-72-63-08-FF\n"
      "A\t10:00:00.060\t[McuMgr] Received Header (Op: 3, Flags: 0, Len: 6, Group: 63, Seq: 1, "
      "Command: 0) CBOR {\"rc\":8}\n",
      "3: 36000.002000 > v0 op2 g63 s1 i0 len2 {}\n"
      "4: 36000.050000 < v0 op3 g63 s1 i0 len6 {\"rc\":8}\n" },
    { "nRF Connect at the application's level: words alone",
      "A 10:00:00.001 Sending (58 bytes) Header (Version: 1, Op: 2, Flags: 0, Len: 50, Group: 1, "
      "Seq: 2, Command: 0) CBOR "
      "{\"confirm\":true,\"hash\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"}\n"
      "A 10:00:00.090 Received Header (Version: 1, Op: 3, Flags: 0, Len: 6, Group: 1, Seq: 2, "
      "Command: 0) CBOR {\"rc\":5}\n",
      "1: 36000.001000 > v1 op2 g1 s2 i0 len50 {\"confirm\":true,\"hash\":\"hex:"
      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"} words\n"
      "2: 36000.090000 < v1 op3 g1 s2 i0 len6 {\"rc\":5} words\n" },
    { "nRF Connect: a request in words whose bytes never come goes before its answer",
      "A 10:00:00.001 [McuMgr] Sending (10 bytes) Header (Op: 2, Flags: 0, Len: 2, Group: 63, "
      "Seq: 1, Command: 0) CBOR {}\n"
      "I 10:00:00.050 [McuMgr] Notification received from "
      "da2e7828-fbce-4e01-ae9e-261174997c48, value: (0x) "
      "03-00-00-06-00-3F-01-00-BF-62-72-63-08-FF\n",
      "1: 36000.001000 > v0 op2 g63 s1 i0 len2 {} words\n"
      "2: 36000.050000 < v0 op3 g63 s1 i0 len6 {\"rc\":8}\n" },
    { "nRF Connect: the same request in the next session is another message",
      "D 10:00:00.001 characteristic.setValue(0x000000010000FF06A0)\n"
      "D 10:00:05.001 characteristic.setValue(0x000000010000FF06A0)\n",
      "1: 36000.001000 > v0 op0 g0 s255 i6 len1 {}\n"
      "2: 36005.001000 > v0 op0 g0 s255 i6 len1 {}\n" },
    { "a notification in two pieces",
      "I 10:00:00.050 Notification received from da2e7828-fbce-4e01-ae9e-261174997c48, value: (0x) "
      "03-00-00-06-00-3F-01-00-BF\n"
      "I 10:00:00.051 Notification received from da2e7828-fbce-4e01-ae9e-261174997c48, value: (0x) "
      "62-72-63-08-FF\n",
      "1: 36000.051000 < v0 op3 g63 s1 i0 len6 {\"rc\":8}\n" },
    { "a notification of another characteristic",
      "I 10:00:00.050 Notification received from 00002a19-0000-1000-8000-00805f9b34fb, value: (0x) "
      "64\n",
      "" },
    { "a notification that a forum wrapped, indented and quoted",
      "> I 10:00:00.050 [McuMgr] Notification received from da2e7828-fbce-4e01-ae9e-261174997c48, "
      "value: (0x) 03-00-00-06-00-3F-\n"
      "> 01-00-BF-62-72-63-08-FF\n",
      "1: 36000.050000 < v0 op3 g63 s1 i0 len6 {\"rc\":8}\n" },
    { "words that a forum wrapped",
      "  A 10:00:00.090 Received Header (Op: 1, Flags: 0, Len: 25, Group: 0, Seq: 2, Command: 6) "
      "CBOR {\"buf_size\":\n  2475,\"buf_count\":4}\n",
      "1: 36000.090000 < v0 op1 g0 s2 i6 len25 {\"buf_size\":2475,\"buf_count\":4} words\n" },
    { "words that were cut off",
      "A 10:00:00.090 Received Header (Op: 1, Flags: 0, Len: 25, Group: 0, Seq: 2, Command: 6) "
      "CBOR {\"buf_si\n",
      "1: 36000.090000 < v0 op1 g0 s2 i6 len25 - words cut\n" },
    { "the link of Android",
      "D 08:47:43.015 [McuMgr] [Callback] Connection state changed with status: 0 and new state: 2 "
      "(CONNECTED)\n"
      "I 08:47:43.020 [McuMgr] Connected to C0:00:00:00:00:01\n"
      "I 08:47:43.031 [McuMgr] MTU changed to: 498\n"
      "I 08:47:44.322 Connection parameters updated (interval: 11.25ms, latency: 0, timeout: "
      "420ms)\n"
      "I 08:47:44.377 [McuMgr] Connection parameters updated (interval: 11.25ms, latency: 0, "
      "timeout: 420ms)\n"
      "D 08:47:45.555 [Callback] Connection state changed with status: 8 and new state: "
      "DISCONNECTED "
      "(0)\n"
      "I 08:47:45.555 Disconnected\n",
      "1: 31663.015000 up\n3: 31663.031000 mtu 498\n4: 31664.322000 params 11250 0 420\n"
      "6: 31665.555000 down 8\n" },
    { "the link of Android without its debug lines",
      "I 08:47:43.020 [McuMgr] Connected to C0:00:00:00:00:01\n"
      "E 08:47:45.555 Error 8 (0x8): GATT CONN TIMEOUT\n"
      "I 08:47:45.555 Disconnected\n",
      "1: 31663.020000 up\n2: 31665.555000 down 8\n" },
    { "our own log",
      "# tandem-log 1 2026-11-21T13:01:45Z udp:192.0.2.7\n"
      "0.000417 ! link up\n"
      "0.000502 > 0a00000600004200a16164626869\n"
      "0.003811 < 0b00000700004200bf6172626869ff\n"
      "0.003900 x 0605\n"
      "0.004000 | I: booted\n"
      "1.000000 ! link down: closed\n",
      "2: 0.000417 up\n"
      "3: 0.000502 > v1 op2 g0 s66 i0 len6 {\"d\":\"hi\"}\n"
      "4: 0.003811 < v1 op3 g0 s66 i0 len7 {\"r\":\"hi\"}\n"
      "5: 0.003900 garbage\n"
      "7: 1.000000 down -1\n" },
    { "a string of Python with characters and escapes mixed",
      "b'\\n\\x00\\x00\\x06\\x00\\x00B\\x00\\xa1adbhi'\n", "1: " SAID_REQ },
    { "smpclient's log file: requests by their bytes, answers by a console line's worth",
      "2026-03-01 23:59:59,900 - DEBUG - /opt/lib/smp/packet.py:79 - Serializing "
      "request=b'\\n\\x00\\x00\\x06\\x00\\x00B\\x00\\xa1adbhi'\n"
      "2026-03-02 00:00:00,100 - DEBUG - /opt/lib/smp/packet.py:169 - Response "
      "length_and_frame=b'\\x00\\x11\\x0b\\x00\\x00\\x07\\x00\\x00B\\x00\\xbfarbhi\\xff12'\n"
      "2026-03-02 00:00:00,200 - DEBUG - /opt/lib/smp/packet.py:169 - Response "
      "length_and_frame=b'\\x00\\x8d\\t\\x00\\x00\\x83\\x00\\x01\\x01\\x00\\xa2fimages'\n",
      "1: 86399.900000 > v1 op2 g0 s66 i0 len6 {\"d\":\"hi\"}\n"
      "2: 86400.100000 < v1 op3 g0 s66 i0 len7 {\"r\":\"hi\"}\n"
      "3: 86400.200000 < v1 op1 g1 s1 i0 len131 - cut\n" },
    { "smpclient over UDP: the header of an answer alone",
      "2026-03-01 10:00:00,900 - DEBUG - /opt/lib/smpclient/transport/udp.py:103 - Received "
      "header=Header(op=<OP.WRITE_RSP: 3>, version=<Version.V2: 1>, flags=<Flag.UNUSED: 0>, "
      "length=8, group_id=1, sequence=2, command_id=1)\n",
      "1: 36000.900000 < v1 op3 g1 s2 i1 len8 - words\n" },
    { "smpclient over UDP: what is printed whole later is one message",
      "2026-03-01 10:00:00,900 - DEBUG - /opt/lib/smpclient/transport/udp.py:103 - Received "
      "header=Header(op=<OP.WRITE_RSP: 3>, version=<Version.V2: 1>, flags=<Flag.UNUSED: 0>, "
      "length=7, group_id=0, sequence=66, command_id=0)\n"
      "2026-03-01 10:00:00,910 - DEBUG - /opt/lib/x.py:5 - Answer: header=Header(op=<OP.WRITE_RSP: "
      "3>, version=<Version.V2: 1>, flags=<Flag.UNUSED: 0>, length=7, group_id=0, sequence=66, "
      "command_id=0) smp_data=b'\\x0b\\x00\\x00\\x07\\x00\\x00B\\x00\\xbfarbhi\\xff'\n",
      "2: 36000.910000 < v1 op3 g0 s66 i0 len7 {\"r\":\"hi\"}\n" },
    { "smpmgr on a terminal of 80 columns",
      "[10:00:00] DEBUG    Serializing                                     packet.py:79\n"
      "                    request=b'\\n\\x00\\x00\\x06\\x00\\x00B\\x00\\xa1adbhi'  \n"
      "                    - /opt/lib/python3.11/site-packages/smp/packet.      \n"
      "                    py:79                                                   \n"
      "           DEBUG    Response                                       packet.py:169\n"
      "                    length_and_frame=b'\\x00\\x11\\x0b\\x00\\x00\\x07\\x0\n"
      "                    0\\x00B\\x00\\xbfarbhi\\xff12' -\n"
      "           WARNING  Disconnected from 00:11:22:33:44:55           ble.py:245\n",
      "1: 36000.000000 > v1 op2 g0 s66 i0 len6 {\"d\":\"hi\"}\n"
      "5: 36000.000000 < v1 op3 g0 s66 i0 len7 {\"r\":\"hi\"}\n"
      "8: 36000.000000 down -1\n" },
    { "the Go client on a terminal: dumps of one frame are one message",
      "DEBU[0001] Tx NMP request: 00000000  0a 00 00 06 00 00 42 00  a1 61 64 62 68 69        "
      "|......B..adbhi|\n"
      "DEBU[0001] Base64 encoding request:\n"
      "00000000  0a 00 00 06 00 00 42 00  a1 61 64 62 68 69        |......B..adbhi|\n"
      "DEBU[0001] Tx serial\n"
      "00000000  06 09                                             |..|\n"
      "DEBU[0001] Rx serial:\n"
      "00000000  06 09 41 42 45 4c 41 41  41 48 41 41 42 43 41 4c  |..ABELAAAHAABCAL|\n"
      "00000010  39 68 63 6d 4a 6f 61 66  39 48 68 77 3d 3d        |9hcmJoaf9Hhw==|\n"
      "DEBU[0001] Decoded input:\n"
      "00000000  0b 00 00 07 00 00 42 00  bf 61 72 62 68 69 ff     |......B..arbhi.|\n",
      "1: 1.000000 > v1 op2 g0 s66 i0 len6 {\"d\":\"hi\"}\n"
      "7: 1.000000 < v1 op3 g0 s66 i0 len7 {\"r\":\"hi\"}\n" },
    { "the Go client into a file: a dump folded into one line",
      "time=\"2026-03-01T10:00:00+01:00\" level=debug msg=\"Tx NMP request: 00000000  03 00 00 14 "
      "00 "
      "01 05 00  bf 63 65 72 72 bf 65 67  |.........cerr.eg|\\n00000010  72 6f 75 70 01 62 72 63  "
      "18 "
      "1c ff ff              |roup.brc....|\\n\"\n",
      "1: 36000.000000 < v0 op3 g1 s5 i0 len20 {\"err\":{\"group\":1,\"rc\":28}}\n" },
    { "mcumgr-client: the bytes once, however often they are shown",
      "10:00:00 [DEBUG] (1) mcumgr_client::transfer: request header: NmpHdr { op: Write, flags: 0, "
      "len: 6, group: NmpGroup(0), seq: 66, id: 0 }\n"
      "10:00:00 [DEBUG] (1) mcumgr_client::transfer: serialized: 0a00000600004200a16164626869\n"
      "10:00:00 [DEBUG] (1) mcumgr_client::transfer: encoded with packet length and checksum: "
      "00100a00000600004200a161646268699b0a\n"
      "10:00:00 [DEBUG] (1) mcumgr_client::transfer: encoded: ABAKAAAGAABCAKFhZGJoaZsK\n"
      "10:00:01 [DEBUG] (1) mcumgr_client::transfer: result string: ABADAAAGAD8BAL9icmMI/85d\n"
      "10:00:01 [DEBUG] (1) mcumgr_client::transfer: response header: NmpHdr { op: WriteRsp, "
      "flags: "
      "0, len: 6, group: NmpGroup(63), seq: 1, id: 0 }\n",
      "2: 36000.000000 > v1 op2 g0 s66 i0 len6 {\"d\":\"hi\"}\n"
      "5: 36001.000000 < v0 op3 g63 s1 i0 len6 {\"rc\":8}\n" },
    { "Device Manager on iOS",
      "Peripheral connected\n"
      "-> [Seq: 66] 0A00 0006 0000 4200 A161 6462 6869 (14 bytes)\n"
      "<- [Seq: 66] 0B00 0007 0000 4200 BF61 7262 6869 FF (15 bytes)\n"
      "Peripheral disconnected\n",
      "1: - up\n2: " SAID_REQ "3: " SAID_RSP "4: - down -1\n" },
    { "Device Manager on iOS, older, by NSLog, in pieces",
      "2026-03-01 10:00:00:429 App[2856:840190] -> (SEQ No. 66) 0x0a00000600004200a161\n"
      "2026-03-01 10:00:00:430 App[2856:840190] -> (SEQ No. 66) 0x64626869\n"
      "2026-03-01 10:00:00:500 App[2856:840190] <- (SEQ No(s). 66) "
      "0x0b00000700004200bf6172626869ff\n",
      "1: 36000.430000 > v1 op2 g0 s66 i0 len6 {\"d\":\"hi\"}\n"
      "3: 36000.500000 < v1 op3 g0 s66 i0 len7 {\"r\":\"hi\"}\n" },
    { "nRF Connect on iOS",
      "D: peripheral.writeValue(0x0A00000600004200A16164626869, for: "
      "DA2E7828-FBCE-4E01-AE9E-261174997C48, type: .withoutResponse)\n"
      "I: Notification received from DA2E7828-FBCE-4E01-AE9E-261174997C48, value (0x): "
      "0B00000700004200BF6172626869FF\n"
      "D: peripheral.writeValue(0x0104, for: 00001531-1212-EFDE-1523-785FEABCD123, type: "
      ".withResponse)\n"
      "D: [Callback] Central Manager did disconnect peripheral\n",
      "1: " SAID_REQ "2: " SAID_RSP "4: - down -1\n" },
    { "Android Studio",
      "2026-03-01 10:00:00.720 20272-20447 McuMgrBleTransport      no....example  D  "
      "characteristic.setValue(0x0A00000600004200A16164626869)\n"
      "2026-03-01 10:00:00.820 McuMgrBleTransport   com.example.app                     I  "
      "Notification received from da2e7828-fbce-4e01-ae9e-261174997c48, value: (0x) "
      "0B-00-00-07-00-00-42-00-BF-61-72-62-68-69-FF\n",
      "1: 36000.720000 > v1 op2 g0 s66 i0 len6 {\"d\":\"hi\"}\n"
      "2: 36000.820000 < v1 op3 g0 s66 i0 len7 {\"r\":\"hi\"}\n" },
    { "a log that lost its line ends",
      "See what I get: D 10:00:00.001 [McuMgr] characteristic.setValue(0x02000002003F0100BFFF) I "
      "10:00:00.050 [McuMgr] Notification received from da2e7828-fbce-4e01-ae9e-261174997c48, "
      "value: "
      "(0x) 03-00-00-06-00-3F-01-00-BF-62-72-63-08-FF D 10:00:01.000 [Callback] Connection state "
      "changed with status: 8 and new state: 0 (DISCONNECTED)\n",
      "1: 36000.001000 > v0 op2 g63 s1 i0 len2 {}\n"
      "1: 36000.050000 < v0 op3 g63 s1 i0 len6 {\"rc\":8}\n"
      "1: 36001.000000 down 8\n" },
    { "nRF Connect's own lines beside the notification",
      "I 10:00:00.050 Notification received from da2e7828-fbce-4e01-ae9e-261174997c48, value: (0x) "
      "0B-00-00-07-00-00-42-00-BF-61-72-62-68-69-FF\n"
      "A 10:00:00.051 \"(0x) 0B-00-00-07-00-00-42-00-BF-61-72-62-68-69-FF\" received\n"
      "A 10:00:00.060 \"(0x) 0A-00-00-06-00-00-43-00-A1-61-64-62-68-69\" sent\n",
      "1: 36000.050000 < v1 op3 g0 s66 i0 len7 {\"r\":\"hi\"}\n"
      "3: 36000.060000 > v1 op2 g0 s67 i0 len6 {\"d\":\"hi\"}\n" },
    { "Zephyr's sample says why the link went",
      "[00:00:05.100,000] <inf> smp_sample: Connected\n"
      "[00:00:09.250,500] <inf> smp_sample: Disconnected, reason 0x13\n",
      "1: 5.100000 up\n2: 9.250500 down 19\n" },
    { "a second boot goes on where the first one's clock stood",
      "[00:00:05.000,000] <inf> app: Connected\n"
      "[00:00:01.000,000] <inf> app: Disconnected (reason 8)\n",
      "1: 5.000000 up\n2: 6.000000 down 8\n" },
};

static void files_of_every_dress_give_their_events(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static const size_t steps[] = { 1, 7, 100000 };

        for (size_t k = 0; k < 3; k++) {
            char *got = events_of(rows[i].text, strlen(rows[i].text), steps[k], false);

            if (strcmp(got, rows[i].want) != 0)
                print_error("%s, %zu bytes at a time\n got: %s\nwant: %s\n", rows[i].says, steps[k],
                            got, rows[i].want);
            assert_string_equal(got, rows[i].want);
            free(got);
        }
    }
}

/* Lines: the dialect's number, level, module, text. */
static const struct {
    const char *says;
    const char *text;
    enum td_dialect dialect;
    const char *want;
} lines[] = {
    { "prose", "Hello, it does not work: E 10 is what I see\n", TD_DIALECT_PLAIN,
      "- []: Hello, it does not work: E 10 is what I see" },
    { "tabs", "V\t08:47:42.977\t[McuMgr] Connecting...\n", TD_DIALECT_NORDIC_ANDROID,
      "V [McuMgr]: Connecting..." },
    { "blanks for tabs, quoted twice", "> > V 08:47:42.977 Connecting...\n",
      TD_DIALECT_NORDIC_ANDROID, "V []: Connecting..." },
    { "logcat", "10-10 08:47:43.015  1234  5678 D McuMgr  : gatt.close()\n",
      TD_DIALECT_NORDIC_ANDROID, "D [McuMgr]: gatt.close()" },
    { "logcat, brief", "W/BluetoothGatt( 1234): Unhandled exception\n", TD_DIALECT_NORDIC_ANDROID,
      "W [BluetoothGatt]: Unhandled exception" },
    { "Android Studio without a package",
      "2026-03-01 12:04:48.698 23153-23153 BluetoothAdapter                 D  STATE_ON\n",
      TD_DIALECT_NORDIC_ANDROID, "D [BluetoothAdapter]: STATE_ON" },
    { "Zephyr", "[00:00:00.250,000] <inf> mcuboot: Starting bootloader\n", TD_DIALECT_ZEPHYR,
      "I [mcuboot]: Starting bootloader" },
    { "Zephyr with colours",
      "\x1b[1;31m[00:00:00.250,000] <err> mcuboot: Image is not valid\x1b[0m\r\n",
      TD_DIALECT_ZEPHYR, "E [mcuboot]: Image is not valid" },
    { "Zephyr with colours that lost their escape", "[1;33m[00:00:00.250,000] <wrn> app: hot[0m\n",
      TD_DIALECT_ZEPHYR, "W [app]: hot" },
    { "Zephyr behind its shell's prompt", "uart:~$ [00:00:01.000,000] <inf> app: up\n",
      TD_DIALECT_ZEPHYR, "I [app]: up" },
    { "Zephyr out of a web page", "[00:00:01.000,000] &lt;inf&gt; app: a &amp; b\n",
      TD_DIALECT_ZEPHYR, "I [app]: a & b" },
    { "Zephyr's cycles", "[00008192] <dbg> app.main: loop\n", TD_DIALECT_ZEPHYR,
      "D [app.main]: loop" },
    { "Zephyr over RTT", "00> [00:00:01.000,000] <inf> app: up\n", TD_DIALECT_ZEPHYR,
      "I [app]: up" },
    { "Zephyr under a terminal's clock",
      "[2026-03-01 10:00:00.123] [00:00:01.000,000] <inf> app: up\n", TD_DIALECT_ZEPHYR,
      "I [app]: up" },
    { "minimal", "I: Swap type: none\n", TD_DIALECT_ZEPHYR, "I []: Swap type: none" },
    { "minimal under a terminal's clock", "10:00:00.123 -> E: failed\n", TD_DIALECT_ZEPHYR,
      "E []: failed" },
    { "a banner", "*** Booting Zephyr OS build v3.7.0 ***\n", TD_DIALECT_CONSOLE,
      "- []: *** Booting Zephyr OS build v3.7.0 ***" },
    { "a bracket that is no colour", "[McuMgr] Error : NOT_SUPPORTED\n", TD_DIALECT_PLAIN,
      "- []: [McuMgr] Error : NOT_SUPPORTED" },
    { "Rust", "10:00:01 [INFO] upload image: 10 %\n", TD_DIALECT_CLIENT,
      "I []: upload image: 10 %" },
    { "Python", "2026-03-01 10:00:00,123 - WARNING - /opt/x.py:7 - too slow - by far\n",
      TD_DIALECT_SMPMGR, "W []: too slow - by far" },
    { "Python, with the logger's name",
      "2026-03-01 10:00:00,123 - smpclient.transport - ERROR - gone\n", TD_DIALECT_SMPMGR,
      "E []: gone" },
    { "rich", "[10:00:00] WARNING  Waiting for aa:bb                      ble.py:245\n",
      TD_DIALECT_SMPMGR, "W []: Waiting for aa:bb" },
    { "logrus", "ERRO[0010] timed out\n", TD_DIALECT_MCUMGR, "E []: timed out" },
    { "an empty line", "\n", TD_DIALECT_PLAIN, "- []: " },
    { "a line that is nothing but control characters", "\x01\x02\x1b[2J\n", TD_DIALECT_PLAIN,
      "- []: " },
};

static void lines_lose_their_prefixes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char *got = events_of(lines[i].text, strlen(lines[i].text), 3, true);
        char want[200];
        const char *at = strchr(got, ' ');

        at = at ? strchr(at + 1, ' ') : NULL;
        assert_non_null(at);
        snprintf(want, sizeof want, " %d %c %s\n", (int)lines[i].dialect, lines[i].want[0],
                 lines[i].want + 2);
        // "[module]: text" in the rows, "[module] text" in what is said
        memmove(strstr(want, "]:") + 1, strstr(want, "]:") + 2, strlen(strstr(want, "]:") + 1));
        if (strcmp(at, want) != 0)
            print_error("%s\n got:%swant:%s", lines[i].says, at, want);
        assert_string_equal(at, want);
        free(got);
    }
}

static void a_clock_goes_on_after_midnight(void **state)
{
    static const char text[] = "V 23:59:59.900 a\nV 00:00:00.100 b\nV 23:59:59.950 c\n";
    static const char want[] = "1: 86399.900000 1 V [] a\n2: 86400.100000 1 V [] b\n"
                               "3: 172799.950000 1 V [] c\n";
    char *got = events_of(text, strlen(text), 100, true);

    (void)state;
    assert_string_equal(got, want);
    free(got);
}

static void what_lists_the_newest_first_is_read_from_its_end(void **state)
{
    // The heading stays, an entry keeps its second line, places are those of the file.
    static const char text[] = "Lamp, today\n"
                               "V 10:00:09.000 i\nV 10:00:08.000 h\nV 10:00:07.000 g\n"
                               "V 10:00:06.000 f\n  more of f\nV 10:00:05.000 e\n"
                               "V 10:00:04.000 d\nV 10:00:03.000 c\nV 10:00:02.000 b\n"
                               "V 10:00:01.000 a";
    static const char want[] = "1: - 0 - [] Lamp, today\n"
                               "11: 36001.000000 1 V [] a\n10: 36002.000000 1 V [] b\n"
                               "9: 36003.000000 1 V [] c\n8: 36004.000000 1 V [] d\n"
                               "7: 36005.000000 1 V [] e\n5: 36006.000000 1 V [] f\n"
                               "6: - 0 - [] more of f\n"
                               "4: 36007.000000 1 V [] g\n3: 36008.000000 1 V [] h\n"
                               "2: 36009.000000 1 V [] i\n";
    char *got = events_of(text, strlen(text), 7, true);

    (void)state;
    assert_string_equal(got, want);
    free(got);
}

static void a_large_log_of_the_newest_first_is_turned_as_a_whole(void **state)
{
    char *text = malloc(100000), *got, *at;
    size_t len = 0;
    unsigned n = 0, last = 0;

    (void)state;
    assert_non_null(text);
    for (unsigned i = 4000; i > 0; i--)
        len += (size_t)sprintf(text + len, "V %02u:%02u:%02u.000 line\n", i / 3600, i / 60 % 60,
                               i % 60);
    got = events_of(text, len, 4096, true);
    for (at = got; at && *at; at = strchr(at, '\n') + 1, n++) {
        unsigned number = (unsigned)strtoul(at, NULL, 10);

        assert_true(last == 0 || number == last - 1);
        last = number;
    }
    assert_int_equal(n, 4000);
    assert_int_equal(last, 1);
    free(got);
    free(text);
}

static void lines_of_threads_out_of_order_stand_still(void **state)
{
    static const char text[] = "V 10:00:00.500 a\nV 10:00:00.400 b\nV 10:00:00.600 c\n";
    static const char want[] = "1: 36000.500000 1 V [] a\n2: 36000.500000 1 V [] b\n"
                               "3: 36000.600000 1 V [] c\n";
    char *got = events_of(text, strlen(text), 100, true);

    (void)state;
    assert_string_equal(got, want);
    free(got);
}

static void a_line_without_end_is_taken_in_pieces(void **state)
{
    size_t len = 3 * TD_READER_LINE + 5;
    char *text = malloc(len), *got;
    unsigned n = 0;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', len);
    got = events_of(text, len, 1000, true);
    for (const char *p = got; (p = strchr(p, '\n')) != NULL; p++)
        n++;
    assert_int_equal(n, 4);
    free(got);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_every_dress_give_their_events),
        cmocka_unit_test(lines_lose_their_prefixes),
        cmocka_unit_test(a_clock_goes_on_after_midnight),
        cmocka_unit_test(what_lists_the_newest_first_is_read_from_its_end),
        cmocka_unit_test(a_large_log_of_the_newest_first_is_turned_as_a_whole),
        cmocka_unit_test(lines_of_threads_out_of_order_stand_still),
        cmocka_unit_test(a_line_without_end_is_taken_in_pieces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
