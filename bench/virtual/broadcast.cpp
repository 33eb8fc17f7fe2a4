// Broadcast with a thread that gossips: a condition variable with a time-out of 100 ms or so.
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <random>
#include <regex>
#include <set>
#include <string>
#include <thread>
#include <vector>

static std::mutex lock;
static std::condition_variable stopping;
static std::set<long> known;
static std::string id;
static std::vector<std::string> peers;

static std::string text(const std::string &line, const std::string &key) {
    std::smatch match;
    return std::regex_search(line, match, std::regex("\"" + key + "\": ?\"([^\"]*)\"")) ? match[1].str() : "";
}

static std::string number(const std::string &line, const std::string &key) {
    std::smatch match;
    return std::regex_search(line, match, std::regex("\"" + key + "\": ?([0-9]+)")) ? match[1].str() : "0";
}

static std::vector<std::string> list(const std::string &line, const std::string &key) {
    std::smatch match;
    std::vector<std::string> elements;
    if (!std::regex_search(line, match, std::regex("\"" + key + "\": ?\\[([^\\]]*)\\]"))) return elements;
    std::string inside = match[1].str(), element;
    for (char character : inside + ",") {
        if (character == ',') {
            if (!element.empty()) elements.push_back(element);
            element.clear();
        } else if (character != '"' && character != ' ') {
            element += character;
        }
    }
    return elements;
}

static std::string all_known() {
    std::string text = "[";
    for (long element : known) text += (text.size() > 1 ? "," : "") + std::to_string(element);
    return text + "]";
}

static void send(const std::string &dest, const std::string &body) {
    std::cout << "{\"src\":\"" << id << "\",\"dest\":\"" << dest << "\",\"body\":{" << body << "}}\n" << std::flush;
}

static void gossip() {
    std::mt19937 random(std::hash<std::string>{}(id));
    std::unique_lock<std::mutex> guard(lock);
    for (;;) {
        stopping.wait_for(guard, std::chrono::milliseconds(50 + random() % 100));
        send(peers[random() % peers.size()], "\"type\":\"gossip\",\"known\":" + all_known());
    }
}

static void handle(const std::string &line) {
    std::lock_guard<std::mutex> guard(lock);
    std::string type = text(line, "type");
    std::string reply = "\"type\":\"" + type + "_ok\",\"in_reply_to\":" + number(line, "msg_id");
    if (type == "init") {
        id = text(line, "node_id");
        for (const std::string &peer : list(line, "node_ids")) {
            if (peer != id) peers.push_back(peer);
        }
        if (!peers.empty()) std::thread(gossip).detach();
    } else if (type == "broadcast") {
        known.insert(std::stol(number(line, "message")));
    } else if (type == "read") {
        reply += ",\"messages\":" + all_known();
    } else if (type == "gossip") {
        for (const std::string &element : list(line, "known")) known.insert(std::stol(element));
        return;
    }
    send(text(line, "src"), reply);
}

int main() {
    std::string line;
    while (std::getline(std::cin, line)) handle(line);
    std::quick_exit(0);
}
