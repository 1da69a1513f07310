"""What happens before cameras, told on: a log on disk, a webhook, a broker (MQTT), a stream (Redis).

**An event** is one JSON object, the same in the log, in a webhook and at a broker:

    kind          track_started, track_identified, track_left, unknown_lingering, camera_lost, camera_back
    camera        its name
    at            UTC of this machine when it was told, 2026-11-21T19:09:12.690Z
    time          the same moment on the stream's clock, seconds with 6 decimals; null of camera_*
    track         tells this face from all others of the camera, also after a restart; the same again where
                  it was recognised coming back (recognize.relink). null of camera_*
    name          who it is; null where unknown, or nobody asked
    shot          file of the best picture so far, below the folder of the log; null where there is none

of a face also

    frame         number of the frame on which the face was last seen
    box           x1 y1 x2 y2 there, in pixels of the upright frame
    score         of its detection there, 0 to 1
    first_time, last_time, first_at, last_at
                  when it was first and last seen, on the stream's clock and as time of day by `clock`
    clock         rtcp: the camera's own time of day; arrival: this machine's; stream: none, *_at are null
    duration_s    seconds from the first to the last sight
    quality       of the picture, 0 to 1; ranked_by: by "quality" (recognize.quality) or a cheap "proxy"
    state         known, unknown, or undecided (nobody could be sure yet); it, similarity, margin and
                  nearest are there only where a gallery is asked
    before        track_identified: the name that was told before, where it has changed
    cause         track_left: "watching ended" where the face was still there

and of a camera what is known of its trouble: camera_lost has the `cause`, and how long it has been away by
then (`away_s`); camera_back says how long it was away in all (`lost_s`). Where the graph fails over and over
that is told once; camera_back comes when it has worked for a minute, which does not count as away.
Readers should let keys pass that they do not know. What makes an event, and how flickering is kept out, says
`vidface nodes events`.

**The log** has a file for each day (UTC), `events-2026-11-21.jsonl`: one event a line, whole, in the order
in which they were told. Pictures lie in `shots/2026-11-21/`, and are there before their line. All of it is
0600.

**A webhook** gets a POST for each event: {"version": 1, "id": ..., "event": {...}, "picture": ...}; the
picture, a JPEG in Base64, only with `pictures: true`. Any 2xx says that it was taken. 400, 413, 415 and 422
say that this one is refused: it is given up. After anything else it comes again, with the same id, after 1 s
and then ever longer up to a minute (or as long as Retry-After asks, 10 minutes at most); those behind it
wait, on disk, over restarts too. So an event may come twice (same id) and late (`at` says how late), but in
order. It is lost only when more wait than `spool_events` or `spool_mb` allow, or longer than `spool_h`: then
the oldest go, and are counted. With `secret_env` it is signed:

    X-Vidface-Signature: t=1795287035,v1=HMAC-SHA256(secret, "1795287035." + body) in hexadecimal digits

    def genuine(header, body, secret):        # as vidface.events.signature.is_genuine
        t, v1 = (part.partition("=")[2] for part in header.split(","))
        own = hmac.new(secret, t.encode() + b"." + body, hashlib.sha256).hexdigest()
        return abs(time.time() - int(t)) < 300 and hmac.compare_digest(own, v1)

**A broker (MQTT 3.1.1)** gets the same letter at TOPIC/CAMERA/event (QoS 1, not retained) and, with
`pictures: true`, the JPEG just before it at TOPIC/CAMERA/picture. TOPIC/availability is online or offline,
retained; the broker itself says offline when the line breaks. In a camera's name /, + and # become _. For
Home Assistant:

    mqtt:
      sensor:
        - name: Door
          state_topic: vidface/door/event
          value_template: "{{ value_json.event.name or value_json.event.kind }}"
          availability_topic: vidface/availability

**A stream of Redis** gets the same letter (XADD) in the field `letter` of an entry, as JSON, in the database
that its address ends with (redis://host/2), else in 0.
"""
