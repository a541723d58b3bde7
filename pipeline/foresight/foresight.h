// What a run of a graph would meet, found before any work: values that the nodes refuse, files that cannot be written,
// more memory than there is.
#pragma once

#include <exception>
#include <map>
#include <string>
#include <vector>

#include "models/plan.h"
#include "pipeline/graph/node.h"
#include "pipeline/run/run_context.h"

namespace reel::pipeline {

/// Follows a graph in order of execution, with values that have sizes and no data (tensors of the meta device). Weights
/// are not read; configurations and headers are.
class Foresight {
 public:
  /// What one node would meet.
  struct Fault {
    Problem problem;
    std::exception_ptr error;  // as the run would throw it
  };

  /// `context`: of the run; its report is not touched.
  explicit Foresight(const RunContext& context);

  /// The next node. `inputs`: constants, and what is known of linked values; `sources`: what it is linked to; `uses`:
  /// how many nodes its own values feed. A node of which only the problems count, because its result is known, is
  /// given by known() instead.
  void look(const Node& node, const NodeSpec& spec, std::map<std::string, Value> inputs,
            const std::vector<std::string>& sources, size_t uses);
  void known(const std::string& node, std::vector<Value> values, size_t uses);

  /// Notes what a node writes, or wrote if its result is known. A fault if an earlier one writes the same file.
  void claim(const Node& node, const NodeSpec& spec, std::map<std::string, Value> inputs);

  /// What is known of an output; monostate: nothing.
  Value value(const std::string& node, size_t slot) const;
  const std::vector<Fault>& faults() const { return faults_; }

  // For the nodes' own foresight:

  RunContext& context() { return context_; }
  /// A network that the node calls, `times` rows or pictures alike: weights stay, activations go.
  void network(const std::string& name, const models::Plan& plan);
  /// Tensors on the host beside inputs and outputs, in bytes.
  void transient(int64_t bytes) { transient_ = std::max(transient_, bytes); }
  /// Whether networks are worth a plan: planning takes longer than a small job's first step.
  bool plans_networks() const { return plans_networks_; }
  void plan_networks() { plans_networks_ = true; }

  /// The most resident memory on the host, this process as it is now included, in bytes.
  int64_t host_peak() const { return peak_; }
  /// The same without this process as it was.
  int64_t tensor_peak() const { return peak_ - base_; }
  /// Throws: TooLittleMemory with both numbers if host_peak() exceeds `available` bytes.
  void check_memory(int64_t available) const;

 private:
  struct Known {
    std::vector<Value> values;
    int64_t bytes = 0;
    size_t uses = 0;
  };
  void keep(const std::string& node, std::vector<Value> values, size_t uses);
  void release(const std::string& node);

  RunContext context_;
  NodeReport report_;  // for nodes that want to tell something
  std::map<std::string, Known> known_;
  std::map<std::string, int64_t> weights_;
  std::vector<Fault> faults_;
  std::vector<std::pair<const Node*, TargetNames>> claims_;
  int64_t base_ = 0, live_ = 0, dead_ = 0, transient_ = 0, peak_ = 0;
  std::string heaviest_;  // node at the peak
  bool plans_networks_ = false;
};

}  // namespace reel::pipeline
