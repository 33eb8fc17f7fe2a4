//! Directed graphs in compressed rows, and their strongly connected components.

/// A vertex that does not exist.
pub(crate) const NO_VERTEX: u32 = u32::MAX;

/// A directed graph: the successors of each vertex stand in one row of one array.
///
/// Four bytes an edge and four a vertex, and a search that walks memory forwards: what makes a million transactions
/// a matter of a second. Parallel edges are kept.
pub(crate) struct Digraph {
    offsets: Vec<u32>,
    targets: Vec<u32>,
}

impl Digraph {
    /// The graph of these edges, by a counting sort: `O(vertices + edges)`. The edges are walked twice.
    pub(crate) fn new<I>(vertex_count: usize, edges: impl Fn() -> I) -> Self
    where
        I: Iterator<Item = (u32, u32)>,
    {
        let mut offsets = vec![0_u32; vertex_count + 1];
        for (source, _) in edges() {
            offsets[source as usize + 1] += 1;
        }
        for vertex in 0..vertex_count {
            offsets[vertex + 1] += offsets[vertex];
        }
        let mut targets = vec![0; offsets[vertex_count] as usize];
        let mut next = offsets.clone();
        for (source, target) in edges() {
            let slot = &mut next[source as usize];
            targets[*slot as usize] = target;
            *slot += 1;
        }
        Self { offsets, targets }
    }

    pub(crate) fn vertex_count(&self) -> usize {
        self.offsets.len() - 1
    }

    pub(crate) fn successors(&self, vertex: u32) -> &[u32] {
        &self.targets[self.row(vertex)]
    }

    fn row(&self, vertex: u32) -> std::ops::Range<usize> {
        self.offsets[vertex as usize] as usize..self.offsets[vertex as usize + 1] as usize
    }

    /// The component of each vertex, numbered so that every edge between two components goes from the greater
    /// number to the smaller.
    ///
    /// Tarjan's algorithm (*Depth-First Search and Linear Graph Algorithms*, 1972) with a stack of its own: a chain
    /// of millions of transactions is ordinary, and would overflow the thread's. `O(vertices + edges)`.
    pub(crate) fn components(&self) -> Components {
        let count = self.vertex_count();
        // 0: not yet met. Otherwise the order of first visit, lowered to the least that the vertex can reach.
        let mut low = vec![0_u32; count];
        let mut component_of = vec![NO_VERTEX; count];
        let mut next_edge: Vec<u32> = self.offsets[..count].to_vec();
        let mut open = Vec::new();
        let mut path: Vec<(u32, u32)> = Vec::new();
        let mut visits = 0;
        let mut component_count = 0;
        for root in 0..count as u32 {
            if low[root as usize] != 0 {
                continue;
            }
            visits += 1;
            low[root as usize] = visits;
            open.push(root);
            path.push((root, visits));
            while let Some(&(vertex, visit)) = path.last() {
                let edge = next_edge[vertex as usize];
                if edge < self.offsets[vertex as usize + 1] {
                    next_edge[vertex as usize] += 1;
                    let target = self.targets[edge as usize];
                    if low[target as usize] == 0 {
                        visits += 1;
                        low[target as usize] = visits;
                        open.push(target);
                        path.push((target, visits));
                    } else if component_of[target as usize] == NO_VERTEX {
                        low[vertex as usize] = low[vertex as usize].min(low[target as usize]);
                    }
                    continue;
                }
                path.pop();
                if let Some(&(parent, _)) = path.last() {
                    low[parent as usize] = low[parent as usize].min(low[vertex as usize]);
                }
                if low[vertex as usize] == visit {
                    while let Some(member) = open.pop() {
                        component_of[member as usize] = component_count;
                        if member == vertex {
                            break;
                        }
                    }
                    component_count += 1;
                }
            }
        }
        Components { component_of, count: component_count as usize }
    }
}

/// The strongly connected components of a graph.
pub(crate) struct Components {
    /// The number of each vertex's component.
    pub(crate) component_of: Vec<u32>,
    /// How many there are.
    pub(crate) count: usize,
}

impl Components {
    /// Whether both vertices lie in one component.
    pub(crate) fn joins(&self, one: u32, other: u32) -> bool {
        self.component_of[one as usize] == self.component_of[other as usize]
    }

    /// The components of at least two of the first `limit` vertices, each in ascending order, in the order of their
    /// least members. Vertices from `limit` on only serve to connect the others.
    pub(crate) fn cyclic(&self, limit: usize) -> Vec<Vec<u32>> {
        let mut sizes = vec![0_u32; self.count];
        for &component in &self.component_of[..limit] {
            sizes[component as usize] += 1;
        }
        let mut place_of = vec![NO_VERTEX; self.count];
        let mut cyclic: Vec<Vec<u32>> = Vec::new();
        for (vertex, &component) in self.component_of[..limit].iter().enumerate() {
            if sizes[component as usize] < 2 {
                continue;
            }
            let place = &mut place_of[component as usize];
            if *place == NO_VERTEX {
                *place = cyclic.len() as u32;
                cyclic.push(Vec::new());
            }
            cyclic[*place as usize].push(vertex as u32);
        }
        cyclic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cyclic(vertex_count: usize, edges: &[(u32, u32)]) -> Vec<Vec<u32>> {
        Digraph::new(vertex_count, || edges.iter().copied()).components().cyclic(vertex_count)
    }

    #[test]
    fn two_rings_joined_by_a_bridge_are_two_components() {
        let edges = [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 3), (4, 5)];
        assert_eq!(cyclic(6, &edges), [vec![0, 1, 2], vec![3, 4]]);
    }

    #[test]
    fn a_chain_of_two_million_does_not_overflow_the_stack() {
        let count = 2_000_000;
        let chain = || (1..count as u32).map(|vertex| (vertex - 1, vertex));
        let graph = Digraph::new(count, chain);
        assert!(graph.components().cyclic(count).is_empty());
    }

    #[test]
    fn components_are_numbered_against_the_edges() {
        let edges = [(0, 1), (1, 2), (2, 1), (2, 3)];
        let components = Digraph::new(4, || edges.iter().copied()).components();
        for (source, target) in edges {
            assert!(components.component_of[source as usize] >= components.component_of[target as usize]);
        }
    }

    proptest::proptest! {
        #[test]
        fn a_component_is_mutual_reachability(edges in proptest::collection::vec((0_u32..9, 0_u32..9), 0..24)) {
            let components = Digraph::new(9, || edges.iter().copied()).components();
            let all = || (0..9_usize).flat_map(|one| (0..9_usize).map(move |other| (one, other)));
            let mut reaches: Vec<Vec<bool>> = (0..9).map(|one| (0..9).map(|other| one == other).collect()).collect();
            for &(source, target) in &edges {
                reaches[source as usize][target as usize] = true;
            }
            for middle in 0..9 {
                for (one, other) in all() {
                    reaches[one][other] |= reaches[one][middle] && reaches[middle][other];
                }
            }
            for (one, other) in all() {
                let mutual = reaches[one][other] && reaches[other][one];
                proptest::prop_assert_eq!(components.joins(one as u32, other as u32), mutual);
            }
        }
    }
}
