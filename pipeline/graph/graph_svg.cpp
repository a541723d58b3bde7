// A layered drawing: columns by distance from the sources, rows so that links cross little.
#include "pipeline/graph/graph_svg.h"

#include "pipeline/graph/graph_order.h"
#include "pipeline/xml_text.h"

namespace reel::pipeline {
namespace {

constexpr int kWidth = 260, kRow = 18, kHead = 26, kColumnGap = 90, kRowGap = 24, kMargin = 20;
constexpr size_t kLetters = 38;  // that fit into a box

struct Box {
  const Node* node;
  const NodeSpec* spec;  // null: unknown class
  std::vector<std::string> inputs;
  size_t column = 0;
  double place = 0;  // where in its column it would like to be
  int x = 0, y = 0;
  size_t rows() const { return std::max(inputs.size(), spec ? spec->outputs.size() : 0); }
  int height() const { return kHead + kRow * static_cast<int>(rows()) + 8; }
  int row_y(size_t row) const { return y + kHead + kRow * static_cast<int>(row) + kRow / 2; }
};

struct Edge {
  size_t from, to;
  size_t slot, row;
};

std::string number(double value) { return std::to_string(static_cast<int>(value)); }

std::string text_at(int x, int y, const std::string& classes, const std::string& text) {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" class=\"" + classes + "\">" +
         xml_escaped(text) + "</text>\n";
}

class Drawing {
 public:
  Drawing(const NodeRegistry& registry, const Graph& graph) : index_(index_by_id(graph)) {
    std::vector<size_t> all = wanted_nodes(registry, graph, {});
    for (size_t i = 0; i < graph.nodes.size(); ++i) all.push_back(i);
    order_ = order_of_execution(registry, graph, all);
    for (const Node& node : graph.nodes) boxes_.push_back({&node, registry.find(node.spec), {}});
    for (size_t i = 0; i < boxes_.size(); ++i) add_rows(i);
    place();
  }

  std::string svg() const {
    int right = 0, bottom = 0;
    for (const Box& box : boxes_)
      right = std::max(right, box.x + kWidth), bottom = std::max(bottom, box.y + box.height());
    const std::string size = number(right + kMargin) + " " + number(bottom + kMargin);
    std::string text = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + size + "\" width=\"" +
                       number(right + kMargin) + "\" height=\"" + number(bottom + kMargin) + "\">\n";
    text +=
        "<style>text{font:12px "
        "monospace;fill:#222}.head{font-weight:bold}.out{text-anchor:end}.bad{fill:#b00}"
        "rect{fill:#f6f6f4;stroke:#777}.sink{stroke:#222;stroke-width:2.5}path{fill:none;stroke:#579;stroke-"
        "width:1.5}</style>\n";
    text += "<rect x=\"0\" y=\"0\" width=\"100%\" height=\"100%\" style=\"fill:#fff;stroke:none\"/>\n";
    for (const Edge& edge : edges_) text += curve(edge);
    for (const Box& box : boxes_) text += draw(box);
    return text + "</svg>\n";
  }

 private:
  void add_rows(size_t i) {
    Box& box = boxes_[i];
    for (const auto& [name, input] : box.node->inputs) {
      const auto* link = std::get_if<Link>(&input);
      const auto source = link ? index_.find(link->node) : index_.end();
      if (source != index_.end()) {
        edges_.push_back(
            {source->second, i, static_cast<size_t>(std::max(0, link->slot)), box.inputs.size()});
        box.inputs.push_back(printable(name, kLetters / 2));
      } else {
        const std::string value = link ? " <- " + link->node + " (missing)" : " = " + input_text(input);
        box.inputs.push_back(printable(name + value, kLetters));
      }
    }
  }

  void place() {
    std::vector<size_t> position(boxes_.size());  // in order_
    for (size_t k = 0; k < order_.size(); ++k) position[order_[k]] = k;
    std::vector<std::vector<const Edge*>> into(boxes_.size());
    for (const Edge& edge : edges_) into[edge.to].push_back(&edge);
    std::vector<std::vector<size_t>> columns;
    for (const size_t i : order_) {
      Box& box = boxes_[i];
      for (const Edge* edge : into[i]) {
        // A link that closes a cycle comes from a later node: it does not count.
        if (position[edge->from] < position[i])
          box.column = std::max(box.column, boxes_[edge->from].column + 1);
      }
      columns.resize(std::max(columns.size(), box.column + 1));
      columns[box.column].push_back(i);
    }
    for (size_t column = 0; column < columns.size(); ++column) {
      std::vector<size_t>& members = columns[column];
      for (const size_t i : members) {
        double sum = 0;
        for (const Edge* edge : into[i]) sum += boxes_[edge->from].y + kRow * static_cast<double>(edge->slot);
        boxes_[i].place =
            into[i].empty() ? static_cast<double>(position[i]) : sum / static_cast<double>(into[i].size());
      }
      std::stable_sort(members.begin(), members.end(),
                       [&](size_t a, size_t b) { return boxes_[a].place < boxes_[b].place; });
      int y = kMargin;
      for (const size_t i : members) {
        boxes_[i].x = kMargin + static_cast<int>(column) * (kWidth + kColumnGap);
        boxes_[i].y = y;
        y += boxes_[i].height() + kRowGap;
      }
    }
  }

  std::string curve(const Edge& edge) const {
    const Box &from = boxes_[edge.from], &to = boxes_[edge.to];
    const int x1 = from.x + kWidth,
              y1 = from.row_y(std::min(edge.slot, std::max<size_t>(from.rows(), 1) - 1));
    const int x2 = to.x, y2 = to.row_y(edge.row);
    const int bend = std::max(40, std::abs(x2 - x1) / 2);
    return "<path d=\"M" + number(x1) + " " + number(y1) + " C" + number(x1 + bend) + " " + number(y1) + " " +
           number(x2 - bend) + " " + number(y2) + " " + number(x2) + " " + number(y2) + "\"/>\n";
  }

  std::string draw(const Box& box) const {
    const bool sink = box.spec && box.spec->sink;
    std::string text = "<rect x=\"" + number(box.x) + "\" y=\"" + number(box.y) + "\" width=\"" +
                       number(kWidth) + "\" height=\"" + number(box.height()) + "\" rx=\"4\"" +
                       (sink ? " class=\"sink\"" : "") + "/>\n";
    const std::string title = box.node->title.empty() ? "" : " " + box.node->title;
    text += text_at(box.x + 8, box.y + 17, box.spec ? "head" : "head bad",
                    printable(box.node->id + "  " + box.node->spec + title, kLetters - 4));
    for (size_t row = 0; row < box.inputs.size(); ++row)
      text += text_at(box.x + 8, box.row_y(row) + 4, "in", box.inputs[row]);
    for (size_t slot = 0; box.spec && slot < box.spec->outputs.size(); ++slot) {
      text += text_at(box.x + kWidth - 8, box.row_y(slot) + 4, "out", box.spec->outputs[slot].name);
    }
    return text;
  }

  std::unordered_map<std::string_view, size_t> index_;
  std::vector<size_t> order_;
  std::vector<Box> boxes_;
  std::vector<Edge> edges_;
};

}  // namespace

std::string draw_svg(const NodeRegistry& registry, const Graph& graph) {
  return Drawing(registry, graph).svg();
}

}  // namespace reel::pipeline
