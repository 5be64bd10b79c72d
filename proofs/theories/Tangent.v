(** How far a cost lies above its tangents: bounds that hold uniformly over bounded log-multipliers. Any strictly convex
    cost.

    [above_tangent r e s t]   the cost of e at t less the value at t of its tangent at s; positive unless s = t. *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph Regularizer.
Open Scope R_scope.

Definition above_tangent r e s t := cost r e t - cost r e s - slope r e s * (t - s).

Lemma above_tangent_nonneg r e s t : 0 <= above_tangent r e s t.
Proof. pose proof (cost_above_tangent r e s t). unfold above_tangent. lra. Qed.

(** A positive number for every member of a list, usable when smaller: one number for all. *)
Lemma common_positive {T} (P : T -> R -> Prop) l : (forall a d d', P a d -> 0 < d' <= d -> P a d') ->
  (forall a, In a l -> exists d, 0 < d /\ P a d) -> exists d, 0 < d /\ forall a, In a l -> P a d.
Proof.
  intros S. induction l as [|a l IH]; intro H.
  - exists 1. split; [lra|]. intros a [].
  - destruct (H a ltac:(simpl; auto)) as [d [Pd Ha]]. destruct IH as [d' [Pd' Hl]]; [intros; apply H; simpl; auto|].
    exists (Rmin d d'). pose proof (Rmin_l d d'). pose proof (Rmin_r d d').
    assert (0 < Rmin d d') by now apply Rmin_pos. split; auto.
    intros b [<-|I]; [apply (S _ d)|apply (S _ d')]; auto.
Qed.

Lemma common_bound {T} (f : T -> R) l : exists b, 0 <= b /\ forall a, In a l -> f a <= b.
Proof.
  induction l as [|a l [b [Pb H]]].
  - exists 0. split; [lra|]. intros a [].
  - exists (Rmax (f a) b). pose proof (Rmax_l (f a) b). pose proof (Rmax_r (f a) b). split; [lra|].
    intros c [<-|I]; [lra|]. specialize (H c I). lra.
Qed.

(** Halfway to t the tangent at the middle lifts the cost. *)
Lemma above_tangent_middle r e s t :
  (slope r e ((s + t) / 2) - slope r e s) * ((t - s) / 2) <= above_tangent r e s t.
Proof.
  unfold above_tangent. pose proof (cost_above_tangent r e ((s + t) / 2) t). pose proof (cost_above_tangent r e s ((s + t) / 2)).
  nra.
Qed.

(** On bounded log-multipliers: slopes that are eta apart differ by a fixed amount ... *)
Lemma slope_rises r e M eta : 0 < eta -> 0 <= M -> exists d, 0 < d /\
  forall s t, - M <= s -> t <= M -> s + eta <= t -> d <= slope r e t - slope r e s.
Proof.
  intros P Q.
  destruct (continuity_ab_min (fun s => slope r e (s + eta) - slope r e s) (- M) M ltac:(lra)) as [m [L _]].
  { intros c _. apply (continuity_pt_minus (fun s => slope r e (s + eta)) (slope r e)); [|apply slope_continuous].
    apply (continuity_pt_comp (fun s => s + eta) (slope r e)); [|apply slope_continuous].
    apply (continuity_pt_plus id (fun _ => eta)); [apply derivable_continuous, derivable_id|].
    apply continuity_pt_const. intros a b. reflexivity. }
  exists (slope r e (m + eta) - slope r e m). pose proof (slope_increasing r e m (m + eta) ltac:(lra)).
  split; [lra|]. intros s t A B C. pose proof (L s ltac:(lra)). pose proof (slope_le r e (s + eta) t C). lra.
Qed.

(** ... so costs lie above their tangents by a fixed amount ... *)
Lemma above_tangent_rises r e M eta : 0 < eta -> 0 <= M -> exists d, 0 < d /\
  forall s t, Rabs s <= M -> Rabs t <= M -> eta <= Rabs (t - s) -> d <= above_tangent r e s t.
Proof.
  intros P Q. destruct (slope_rises r e M (eta / 2) ltac:(lra) Q) as [d [Pd H]]. exists (d * (eta / 2)).
  split; [nra|]. intros s t Bs Bt D. pose proof (above_tangent_middle r e s t) as K.
  assert (- M <= s <= M) by (unfold Rabs in Bs; destruct Rcase_abs; lra).
  assert (- M <= t <= M) by (unfold Rabs in Bt; destruct Rcase_abs; lra).
  unfold Rabs in D. destruct Rcase_abs.
  - pose proof (H ((s + t) / 2) s ltac:(lra) ltac:(lra) ltac:(lra)). nra.
  - pose proof (H s ((s + t) / 2) ltac:(lra) ltac:(lra) ltac:(lra)). nra.
Qed.

(** ... and slopes are uniformly continuous. *)
Lemma slope_uniform r e M eps : 0 < eps -> 0 <= M -> exists d, 0 < d /\
  forall s t, Rabs s <= M -> Rabs t <= M -> Rabs (t - s) <= d -> Rabs (slope r e t - slope r e s) <= eps.
Proof.
  intros P Q.
  destruct (Heine (slope r e) (fun c => - M <= c <= M) (compact_P3 (- M) M)
    ltac:(intros; apply slope_continuous) (mkposreal eps P)) as [d H].
  exists (d / 2). pose proof (cond_pos d). split; [lra|]. intros s t Bs Bt D. left. simpl in H.
  assert (- M <= s <= M) by (unfold Rabs in Bs; destruct Rcase_abs; lra).
  assert (- M <= t <= M) by (unfold Rabs in Bt; destruct Rcase_abs; lra).
  apply H; auto; lra.
Qed.

(** Far from s, the cost lies above its tangent at s by an amount that grows with the distance. *)
Lemma above_tangent_coercive r e s : exists d, 0 < d /\ forall t, d * (Rabs (t - s) - 1) <= above_tangent r e s t.
Proof.
  pose proof (slope_increasing r e s (s + / 2) ltac:(lra)) as U.
  pose proof (slope_increasing r e (s - / 2) s ltac:(lra)) as L.
  exists (Rmin (slope r e (s + / 2) - slope r e s) (slope r e s - slope r e (s - / 2)) / 2).
  set (d := Rmin _ _). pose proof (Rmin_l (slope r e (s + / 2) - slope r e s) (slope r e s - slope r e (s - / 2))) as D1.
  pose proof (Rmin_r (slope r e (s + / 2) - slope r e s) (slope r e s - slope r e (s - / 2))) as D2. fold d in D1, D2.
  assert (0 < d) by (apply Rmin_pos; lra). split; [lra|]. intro t.
  pose proof (above_tangent_nonneg r e s t) as N. pose proof (above_tangent_middle r e s t) as K.
  destruct (Rle_dec (Rabs (t - s)) 1) as [S|S]; [nra|].
  unfold Rabs in *. destruct Rcase_abs.
  - pose proof (slope_le r e ((s + t) / 2) (s - / 2) ltac:(lra)). nra.
  - pose proof (slope_le r e (s + / 2) ((s + t) / 2) ltac:(lra)). nra.
Qed.
