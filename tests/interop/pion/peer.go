// pion as the other side of a test: one connection with data channels, steered by lines of JSON.
//
// usage: peer offer|answer
// Commands and events are those of peer_driver.cc; besides, {"event":"state"}.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"github.com/pion/webrtc/v4" // get_pion_peer makes it v3 where Go is too old for v4
)

type object map[string]interface{}

var output sync.Mutex

func emit(event object) {
	line, err := json.Marshal(event)
	if err != nil {
		panic(err)
	}
	output.Lock()
	defer output.Unlock()
	fmt.Println(string(line))
}

func check(what string, err error) {
	if err != nil {
		emit(object{"event": "error", "text": what + ": " + err.Error()})
	}
}

// ---- Messages: the same as those of messages.py ----

const (
	largest = 1312
	huge    = 65536
	// So much may wait in the send buffer before we go on.
	buffer = 65536
)

var pattern = makePattern()

func makePattern() []byte {
	made := make([]byte, huge+256)
	for place := range made {
		made[place] = byte(place*7 + (place >> 8))
	}
	return made
}

func content(number uint32, size int) []byte {
	message := make([]byte, 4, 4+size)
	binary.LittleEndian.PutUint32(message, number)
	start := int(number % 251)
	return append(message, pattern[start:start+size]...)[:size]
}

func digest(message []byte) string {
	sum := sha256.Sum256(message)
	return hex.EncodeToString(sum[:])[:16]
}

// ---- One channel ----

type exchange struct {
	channel  *webrtc.DataChannel
	mutex    sync.Mutex
	arrived  []string
	expected int
	waiting  [][]byte
	// pion must not be asked to send from within its own call, so a goroutine does.
	wake chan struct{}
}

func newExchange(channel *webrtc.DataChannel) *exchange {
	e := &exchange{channel: channel, arrived: []string{}, wake: make(chan struct{}, 1)}
	channel.SetBufferedAmountLowThreshold(buffer / 2)
	channel.OnBufferedAmountLow(e.fillSoon)
	channel.OnMessage(func(message webrtc.DataChannelMessage) { e.take(message.Data) })
	channel.OnClose(func() { emit(object{"event": "channel_closed", "label": channel.Label()}) })
	channel.OnOpen(func() {
		emit(object{"event": "open", "label": channel.Label(), "ordered": channel.Ordered(),
			"max_retransmits": channel.MaxRetransmits()})
	})
	go e.fill()
	return e
}

func (e *exchange) take(message []byte) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.arrived = append(e.arrived, digest(message))
	e.reportWhenComplete()
}

func (e *exchange) begin(first uint32, count int, withHuge bool, expect int) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	for number := first; number < first+uint32(count); number++ {
		e.waiting = append(e.waiting, content(number, 1+int(number)*997%largest))
	}
	if withHuge {
		e.waiting = append(e.waiting, content(first+uint32(count), huge))
	}
	e.expected = expect
	e.reportWhenComplete()
	e.fillSoon()
}

func (e *exchange) reportWhenComplete() {
	if e.expected > 0 && len(e.arrived) == e.expected {
		e.report()
	}
}

func (e *exchange) report() {
	emit(object{"event": "arrived", "label": e.channel.Label(), "hashes": e.arrived})
	e.arrived = []string{}
	e.expected = 0
}

func (e *exchange) tally() {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.report()
}

func (e *exchange) fillSoon() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *exchange) fill() {
	for range e.wake {
		for e.channel.BufferedAmount() < buffer {
			message, ok := e.next()
			if !ok {
				break
			}
			check("send", e.channel.Send(message))
		}
	}
}

func (e *exchange) next() ([]byte, bool) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if len(e.waiting) == 0 {
		return nil, false
	}
	message := e.waiting[0]
	e.waiting = e.waiting[1:]
	return message, true
}

// ---- The connection ----

type peer struct {
	offers     bool
	connection *webrtc.PeerConnection
	mutex      sync.Mutex
	exchanges  map[string]*exchange
	early      []string
	described  bool
	closed     sync.Once
}

func newPeer(offers bool) (*peer, error) {
	connection, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	p := &peer{offers: offers, connection: connection, exchanges: map[string]*exchange{}}
	connection.OnDataChannel(p.use)
	connection.OnConnectionStateChange(p.tellState)
	connection.OnICECandidate(func(candidate *webrtc.ICECandidate) {
		if candidate == nil {
			emit(object{"event": "end_of_candidates"})
			return
		}
		emit(object{"event": "candidate", "candidate": candidate.ToJSON().Candidate})
	})
	return p, nil
}

func (p *peer) use(channel *webrtc.DataChannel) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.exchanges[channel.Label()] = newExchange(channel)
}

func (p *peer) find(label string) *exchange {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.exchanges[label]
}

func (p *peer) open(label string, ordered bool, maxRetransmits *uint16) {
	channel, err := p.connection.CreateDataChannel(label,
		&webrtc.DataChannelInit{Ordered: &ordered, MaxRetransmits: maxRetransmits})
	check("open", err)
	if err == nil {
		p.use(channel)
	}
}

func (p *peer) tellState(state webrtc.PeerConnectionState) {
	emit(object{"event": "state", "state": state.String()})
	if state == webrtc.PeerConnectionStateFailed || state == webrtc.PeerConnectionStateClosed {
		p.end(state.String())
	}
}

func (p *peer) end(reason string) {
	p.closed.Do(func() { emit(object{"event": "closed", "reason": reason}) })
}

func (p *peer) start() {
	if !p.offers {
		return
	}
	none := uint16(0)
	p.open("bamgate", false, &none)
	p.offer(nil)
}

func (p *peer) offer(options *webrtc.OfferOptions) {
	offer, err := p.connection.CreateOffer(options)
	check("offer", err)
	p.describe(offer)
}

func (p *peer) describe(description webrtc.SessionDescription) {
	check("local description", p.connection.SetLocalDescription(description))
	emit(object{"event": "description", "type": description.Type.String(), "sdp": description.SDP})
}

func (p *peer) takeDescription(kind string, sdp string) {
	description := webrtc.SessionDescription{Type: webrtc.NewSDPType(kind), SDP: sdp}
	check("remote description", p.connection.SetRemoteDescription(description))
	p.described = true
	if description.Type == webrtc.SDPTypeOffer {
		answer, err := p.connection.CreateAnswer(nil)
		check("answer", err)
		p.describe(answer)
	}
	for _, candidate := range p.early {
		p.addCandidate(candidate)
	}
	p.early = nil
}

// An empty line is the end of candidates.
func (p *peer) addCandidate(line string) {
	if !p.described {
		p.early = append(p.early, line)
		return
	}
	check("candidate", p.connection.AddICECandidate(webrtc.ICECandidateInit{Candidate: line}))
}

// ---- Commands ----

type command struct {
	Do             string  `json:"do"`
	Type           string  `json:"type"`
	SDP            string  `json:"sdp"`
	Candidate      string  `json:"candidate"`
	Label          string  `json:"label"`
	Ordered        bool    `json:"ordered"`
	MaxRetransmits *uint16 `json:"max_retransmits"`
	First          uint32  `json:"first"`
	Count          int     `json:"count"`
	Huge           bool    `json:"huge"`
	Expect         int     `json:"expect"`
}

func (p *peer) run(c command) {
	switch c.Do {
	case "description":
		p.takeDescription(c.Type, c.SDP)
	case "restart":
		p.offer(&webrtc.OfferOptions{ICERestart: true})
	case "candidate", "end_of_candidates":
		p.addCandidate(c.Candidate)
	case "open":
		p.open(c.Label, c.Ordered, c.MaxRetransmits)
	case "close":
		check("close", p.connection.Close())
		p.end("close() was called")
	default:
		p.runOnChannel(c)
	}
}

func (p *peer) runOnChannel(c command) {
	e := p.find(c.Label)
	switch {
	case e == nil:
		emit(object{"event": "error", "text": fmt.Sprintf("unknown command %q, or channel %q", c.Do, c.Label)})
	case c.Do == "exchange":
		e.begin(c.First, c.Count, c.Huge, c.Expect)
	case c.Do == "tally":
		e.tally()
	case c.Do == "close_channel":
		check("close channel", e.channel.Close())
	default:
		emit(object{"event": "error", "text": "unknown command " + c.Do})
	}
}

func main() {
	if len(os.Args) != 2 || (os.Args[1] != "offer" && os.Args[1] != "answer") {
		fmt.Fprintln(os.Stderr, "usage: peer offer|answer")
		os.Exit(2)
	}
	p, err := newPeer(os.Args[1] == "offer")
	if err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
	p.start()
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 1<<20)
	for input.Scan() {
		var c command
		if err := json.Unmarshal(input.Bytes(), &c); err != nil {
			check("input", err)
			continue
		}
		p.run(c)
	}
	check("last close", p.connection.Close())
}
